/** Something that keeps logs from arriving, and what to do about it. */
export interface Finding {
  /** A stable code, for programs. */
  readonly code: FindingCode;
  readonly problem: string;
  readonly fix: string;
}

/** What was found. A minor version may add a code; the page about `diagnose()` describes each of them. */
export type FindingCode =
  | 'no_provider'
  | 'not_attached'
  | 'other_instance'
  | 'not_global'
  | 'other_sdk'
  | 'config_file'
  | 'logger_rules'
  | 'processor_order'
  | 'attribute_limits'
  | 'no_exporter'
  | 'start_failed'
  | 'environment'
  | 'several_apis'
  | 'no_bridge'
  | 'no_loader_hook'
  | 'no_context_manager'
  | 'endpoint_unreachable'
  | 'endpoint_refuses'
  | 'endpoint_redirects'
  | 'endpoint_failing'
  | 'wrong_path'
  | 'no_collector'
  | 'export_failing'
  | 'directory_unusable'
  | 'spool_unusable'
  | 'store_unreachable'
  | 'losses';
