/**
 * The part of a NATS connection that ranks use: the result of `connect` of `@nats-io/transport-node`
 * and of `wsconnect` of `@nats-io/nats-core`. Nothing of NATS is imported here.
 */

/** A message of a subscription. */
export interface NatsMessage {
  /** Subject that it was published to. */
  readonly subject: string;
  /** Content. */
  readonly data: Uint8Array;
}

/** Options of a subscription. */
export interface NatsSubscriptionOptions {
  /**
   * Takes the messages.
   *
   * @param error set instead of a message
   * @param message one message
   */
  callback(error: Error | null, message: NatsMessage): void;
}

/** A connection to a NATS server. */
export interface NatsConnection {
  /** Limits of the server. */
  readonly info?: { readonly max_payload: number } | undefined;
  /**
   * Publishes a message.
   *
   * @param subject subject of the message
   * @param data content
   */
  publish(subject: string, data?: Uint8Array): void;
  /**
   * Subscribes to a subject.
   *
   * @param subject subject, with wildcards
   * @param options callback
   * @returns subscription that can be ended
   */
  subscribe(subject: string, options: NatsSubscriptionOptions): { unsubscribe(): void };
  /** Resolves when the server has everything that was published. */
  flush(): Promise<void>;
  /**
   * Tells when the connection is lost, and when it is there again.
   *
   * @returns events
   */
  status(): AsyncIterable<{ readonly type: string }>;
  /**
   * Tells whether the connection was closed for good.
   *
   * @returns true if it was
   */
  isClosed(): boolean;
}
