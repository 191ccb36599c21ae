// The peer redlock.
const Redlock = require("redlock");
const drive = require("./drive.js");

drive((clients) => {
  const redlock = new Redlock(clients, { retryCount: -1 });
  return async (name) => {
    const lock = await redlock.lock(name, 10_000);
    return () => lock.unlock();
  };
});
