/** Where records come from, as the page names it. */
export interface Source {
  readonly id: number;
  /** A path, an address or a command. */
  readonly name: string;
  readonly kind: 'otlp' | 'directory' | 'application' | 'output';
  records: number;
}

/** A source with what is to be known of it. */
export interface SourceState extends Source {
  /** Lines, frames or records that could not be read. */
  unreadable: number;
  /** What a person should know, in sentences, by a topic: the last of each. */
  readonly notes: Map<string, string>;
}
