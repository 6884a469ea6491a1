/** Something that keeps logs from arriving, with what to do about it. */
export interface Finding {
  /** Stable, for programs. */
  readonly code:
    | 'no_provider'
    | 'not_attached'
    | 'config_file'
    | 'logger_rules'
    | 'processor_order'
    | 'attribute_limits'
    | 'several_apis'
    | 'no_bridge'
    | 'no_context_manager'
    | 'endpoint_unreachable'
    | 'no_collector'
    | 'directory_unusable'
    | 'losses';
  readonly problem: string;
  readonly fix: string;
}
