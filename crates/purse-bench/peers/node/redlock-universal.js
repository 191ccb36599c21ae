// The peer redlock-universal.
const { IoredisAdapter, createLock, createRedlock } = require("redlock-universal");
const drive = require("./drive.js");

drive((clients) => {
  const adapters = clients.map((client) => new IoredisAdapter(client));
  const settings = { ttl: 10_000, retryAttempts: 1_000 };
  const makeLock = (key) =>
    adapters.length === 1
      ? createLock({ ...settings, key, adapter: adapters[0] })
      : createRedlock({ ...settings, key, adapters });
  return async (key) => {
    const lock = makeLock(key);
    const handle = await lock.acquire();
    return () => lock.release(handle);
  };
});
