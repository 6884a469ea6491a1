/** Stands in for the package `kafkajs`: no broker runs here. Its first send fails, as with a broker that is not there yet. */
interface Message {
  readonly key: string;
  readonly value: string;
}

interface Send {
  readonly topic: string;
  readonly messages: readonly Message[];
}

export class Kafka {
  readonly #brokers: readonly string[];

  constructor({ brokers }: { readonly brokers: readonly string[] }) {
    this.#brokers = brokers;
  }

  producer(): { connect(): Promise<void>; disconnect(): Promise<void>; send(send: Send): Promise<void> } {
    let sends = 0;
    return {
      connect: async () => console.log(`connected to ${this.#brokers.join()}`),
      disconnect: async () => console.log('disconnected'),
      send: async ({ topic, messages }) => {
        sends += 1;
        // A number that means something else in HTTP and gRPC.
        if (sends === 1) throw Object.assign(new Error('no leader'), { type: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3 });
        for (const { key, value } of messages) console.log(`${topic} ${key} ${value}`);
      },
    };
  }
}
