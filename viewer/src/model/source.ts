/** Where records come from, as the page names it. */
export interface Source {
  readonly id: number;
  /** A path, an address or a command. */
  readonly name: string;
  readonly kind: 'otlp' | 'directory' | 'application' | 'output';
  records: number;
}

/** A source, and what there is to know about it. */
export interface SourceState extends Source {
  /** Lines, frames or records that could not be read. */
  unreadable: number;
  /** What a person should know, in sentences: the latest one of each topic. */
  readonly notes: Map<string, string>;
}
