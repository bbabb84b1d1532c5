// Where the environment says that the model servers of this machine are, in Codex's variables. Main thread.
import type { ConfigTable } from './config.js';
import { makeTable, setAt } from './config-table.js';
import { LOCAL_PROVIDERS } from './provider-ids.js';

export interface OssEnvironment {
  /** Configuration keys; empty when the variables are not set. */
  table: ConfigTable;
  /** About a variable that cannot be used; shows nothing of its value. */
  warning: string | null;
}

/**
 * `CODEX_OSS_BASE_URL`, else `CODEX_OSS_PORT`, as the address of every local provider, which is what codex 0.169.0 takes
 * them for. Never throws.
 */
export function readOssEnvironment(env: NodeJS.ProcessEnv): OssEnvironment {
  const baseUrl = env['CODEX_OSS_BASE_URL']?.trim() ?? '';
  const port = env['CODEX_OSS_PORT']?.trim() ?? '';
  if (baseUrl !== '') {
    return /^https?:$/.test(URL.canParse(baseUrl) ? new URL(baseUrl).protocol : '')
      ? { table: addressTable(baseUrl), warning: null }
      : { table: makeTable(), warning: 'CODEX_OSS_BASE_URL is no http:// or https:// address; it is ignored' };
  }
  if (port === '') return { table: makeTable(), warning: null };
  return /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535
    ? { table: addressTable(`http://127.0.0.1:${Number(port)}/v1`), warning: null }
    : { table: makeTable(), warning: 'CODEX_OSS_PORT is no number of a port; it is ignored' };
}

function addressTable(baseUrl: string): ConfigTable {
  const table = makeTable();
  for (const id of LOCAL_PROVIDERS) setAt(table, ['model_providers', id, 'base_url'], baseUrl);
  return table;
}
