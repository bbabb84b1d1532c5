// Every method and who answers it. Main thread.
import type { HandlerTable } from '../dispatch.js';
import {
  accountReadHandler,
  configReadHandler,
  configRequirementsReadHandler,
  modelListHandler,
  skillsListHandler,
} from './catalog-handlers.js';
import { initializeHandler } from './connection-handlers.js';
import type { HandlerContext } from './handler-context.js';
import { notBuiltYet } from './not-built-yet.js';
import { threadResumeHandler, threadStartHandler, threadUnsubscribeHandler } from './thread-lifecycle-handlers.js';
import { threadListHandler, threadLoadedListHandler, threadReadHandler } from './thread-reading-handlers.js';
import { turnInterruptHandler, turnStartHandler, turnSteerHandler } from './turn-handlers.js';

export function createHandlerTable(context: HandlerContext): HandlerTable {
  return {
    initialize: initializeHandler(context),
    'thread/start': threadStartHandler(context),
    'thread/resume': threadResumeHandler(context),
    'thread/read': threadReadHandler(context),
    'thread/list': threadListHandler(context),
    'thread/loaded/list': threadLoadedListHandler(context),
    'thread/unsubscribe': threadUnsubscribeHandler(context),
    'turn/start': turnStartHandler(context),
    'turn/steer': turnSteerHandler(context),
    'turn/interrupt': turnInterruptHandler(context),
    'model/list': modelListHandler(context),
    'config/read': configReadHandler(context),
    'configRequirements/read': configRequirementsReadHandler(),
    'account/read': accountReadHandler(),
    'skills/list': skillsListHandler(),
    ...notBuiltYet,
  };
}
