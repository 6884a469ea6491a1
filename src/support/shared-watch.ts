/** Calls back once, when what is watched happens to the target, unless the function that it returns is called before. */
export type WatchTarget<Target> = (target: Target, callback: () => void) => () => void;

/**
 * Makes a watch that adds its listeners to a target once, however many wait there, and removes them with the last: a
 * thousand readers may share one signal, and two thousand requests one socket, where an eleventh listener makes Node warn
 * of a leak.
 *
 * @param attach Adds the listeners; returns what removes them.
 */
export function sharedWatch<Target extends object>(
  attach: (target: Target, onEvent: () => void) => () => void,
): WatchTarget<Target> {
  /** The callbacks that wait for each target. Entries leave with their target. */
  const waiting = new WeakMap<Target, Waiting>();

  function begin(target: Target): Waiting {
    const detach = attach(target, () => {
      list.end();
      // One that is taken back by another, while they are called, is not called any more.
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
