/**
 * Binds the methods and getters of an instance to it. Then a method can be passed on by itself, and the instance can be
 * behind a `Proxy`, as in containers for dependency injection; without this, neither reaches private fields.
 *
 * It takes a few microseconds, so use it only for objects that are made once.
 */
export function bindMembers(instance: object): void {
  const bound = new Set<PropertyKey>(['constructor']);
  // Overrides of a subclass come first.
  for (let prototype = protoOf(instance); prototype !== Object.prototype; prototype = protoOf(prototype)) {
    for (const key of Reflect.ownKeys(prototype)) {
      if (bound.has(key)) continue;
      bound.add(key);
      const member = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor;
      if (typeof member.value === 'function') member.value = member.value.bind(instance);
      if (member.get !== undefined) member.get = member.get.bind(instance);
      Object.defineProperty(instance, key, member);
    }
  }
}

function protoOf(value: object): object {
  return Object.getPrototypeOf(value) as object;
}
