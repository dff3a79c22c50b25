// Looking things up by names that come from data, from the address or from the server.

/** Rows that are looked up by name. Nothing else is in it: no `constructor`, no `__proto__`. */
export const table = (rows) => Object.freeze(Object.assign(Object.create(null), rows));

/** A value of an object of the server's by its name; undefined where the object itself has none of that name. */
export const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);
