// Every method and who answers it. Main thread.
import type { HandlerTable } from '../dispatch.js';
import {
  accountReadHandler,
  configReadHandler,
  configRequirementsReadHandler,
  modelListHandler,
  skillsListHandler,
} from './catalog-handlers.js';
import {
  backgroundTerminalsCleanHandler,
  backgroundTerminalsListHandler,
  backgroundTerminalsTerminateHandler,
  commandExecHandler,
  commandExecResizeHandler,
  commandExecTerminateHandler,
  commandExecWriteHandler,
  threadShellCommandHandler,
} from './command-handlers.js';
import { initializeHandler } from './connection-handlers.js';
import { daemonDrainHandler, daemonStatusHandler } from './daemon-handlers.js';
import type { HandlerContext } from './handler-context.js';
import { getAuthStatusHandler, getConversationSummaryHandler } from './old-api-handlers.js';
import {
  threadArchiveHandler,
  threadDeleteHandler,
  threadMetadataUpdateHandler,
  threadNameSetHandler,
  threadReadStateUpdateHandler,
  threadUnarchiveHandler,
} from './thread-admin-handlers.js';
import {
  threadForkHandler,
  threadInjectItemsHandler,
  threadRevertHandler,
  threadSettingsUpdateHandler,
} from './thread-branch-handlers.js';
import {
  threadResumeHandler,
  threadStartHandler,
  threadUnloadHandler,
  threadUnsubscribeHandler,
} from './thread-lifecycle-handlers.js';
import { threadItemsListHandler, threadItemsReadHandler, threadTurnsListHandler } from './thread-page-handlers.js';
import { threadListHandler, threadLoadedListHandler, threadReadHandler } from './thread-reading-handlers.js';
import { turnInterruptHandler, turnStartHandler, turnSteerHandler } from './turn-handlers.js';

export function createHandlerTable(context: HandlerContext): HandlerTable {
  return {
    initialize: initializeHandler(context),
    'thread/start': threadStartHandler(context),
    'thread/resume': threadResumeHandler(context),
    'thread/fork': threadForkHandler(context),
    'thread/revert': threadRevertHandler(context),
    'thread/read': threadReadHandler(context),
    'thread/turns/list': threadTurnsListHandler(context),
    'thread/items/list': threadItemsListHandler(context),
    'thread/items/read': threadItemsReadHandler(context),
    'thread/list': threadListHandler(context),
    'thread/loaded/list': threadLoadedListHandler(context),
    'thread/unsubscribe': threadUnsubscribeHandler(context),
    'thread/unload': threadUnloadHandler(context),
    'thread/name/set': threadNameSetHandler(context),
    'thread/metadata/update': threadMetadataUpdateHandler(context),
    'thread/readState/update': threadReadStateUpdateHandler(context),
    'thread/settings/update': threadSettingsUpdateHandler(context),
    'thread/inject_items': threadInjectItemsHandler(context),
    'thread/archive': threadArchiveHandler(context),
    'thread/unarchive': threadUnarchiveHandler(context),
    'thread/delete': threadDeleteHandler(context),
    'turn/start': turnStartHandler(context),
    'turn/steer': turnSteerHandler(context),
    'turn/interrupt': turnInterruptHandler(context),
    'thread/shellCommand': threadShellCommandHandler(context),
    'thread/backgroundTerminals/list': backgroundTerminalsListHandler(context),
    'thread/backgroundTerminals/terminate': backgroundTerminalsTerminateHandler(context),
    'thread/backgroundTerminals/clean': backgroundTerminalsCleanHandler(context),
    'command/exec': commandExecHandler(context),
    'command/exec/write': commandExecWriteHandler(context),
    'command/exec/resize': commandExecResizeHandler(context),
    'command/exec/terminate': commandExecTerminateHandler(context),
    'model/list': modelListHandler(context),
    'config/read': configReadHandler(context),
    'configRequirements/read': configRequirementsReadHandler(),
    'account/read': accountReadHandler(),
    'skills/list': skillsListHandler(),
    getConversationSummary: getConversationSummaryHandler(context),
    getAuthStatus: getAuthStatusHandler(),
    'daemon/status': daemonStatusHandler(context),
    'daemon/drain': daemonDrainHandler(context),
  };
}
