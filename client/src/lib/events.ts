/** Events: a typed way to be told what happens. A handler that throws stops no other handler. */

/** What `on` returns: call it to hear no more. */
export type Unsubscribe = () => void;

/** Calls handlers by the name of an event; `Events` maps each name to what its handlers get. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `handler` whenever the event happens, until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): Unsubscribe {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);
    handlers.add(handler);
    return () => void handlers.delete(handler);
  }

  /** Tells all handlers of the event. What a handler throws is reported as an uncaught error. */
  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        (handler as (event: Events[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
