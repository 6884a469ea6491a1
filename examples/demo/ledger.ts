/** What was written to the session, noted by who wrote it: with this everything is compared. */
export class Ledger {
  readonly all: string[] = [];
  /** Those that the user may see. */
  readonly forUser: string[] = [];

  note(message: string): void {
    this.all.push(message);
    this.forUser.push(message);
  }

  noteLog(message: string): void {
    this.all.push(message);
  }

  /** The pieces, each noted as it is taken. */
  async *noted(pieces: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const piece of pieces) {
      this.note(piece);
      yield piece;
    }
  }
}
