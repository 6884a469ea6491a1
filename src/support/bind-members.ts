/**
 * Binds the methods and getters of an instance to it. So a method can be handed on by itself, and the instance can stand
 * behind a `Proxy`, as containers for dependency injection put it: neither reaches the private fields otherwise.
 *
 * Takes a few microseconds: for what is made once.
 */
export function bindMembers(instance: object): void {
  const bound = new Set<PropertyKey>(['constructor']);
  // What a subclass overrides comes first.
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
