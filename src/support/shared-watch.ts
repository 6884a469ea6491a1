/** Calls back once when the watched event happens to the target, unless the returned function is called first. */
export type WatchTarget<Target> = (target: Target, callback: () => void) => () => void;

/**
 * Makes a watch that adds its listeners to a target once, however many callbacks wait, and removes them with the last:
 * a thousand readers may share one signal, and two thousand requests one socket, but Node warns of a leak at the
 * eleventh listener.
 *
 * @param attach Adds the listeners and returns a function that removes them.
 */
export function sharedWatch<Target extends object>(
  attach: (target: Target, onEvent: () => void) => () => void,
): WatchTarget<Target> {
  /** The waiting callbacks of each target, collected together with it. */
  const waiting = new WeakMap<Target, Waiting>();

  function begin(target: Target): Waiting {
    const detach = attach(target, () => {
      list.end();
      // A callback that another one removes meanwhile is not called.
      for (const callback of list.callbacks) {
        list.callbacks.delete(callback);
        callback();
      }
    });
    const list: Waiting = {
      callbacks: new Set(),
      end() {
        if (waiting.get(target) !== list) return;
        waiting.delete(target);
        detach();
      },
    };
    waiting.set(target, list);
    return list;
  }

  return (target, callback) => {
    const list = waiting.get(target) ?? begin(target);
    list.callbacks.add(callback);
    return () => {
      if (list.callbacks.delete(callback) && list.callbacks.size === 0) list.end();
    };
  };
}

interface Waiting {
  readonly callbacks: Set<() => void>;
  /** Removes the listeners. */
  end(): void;
}
