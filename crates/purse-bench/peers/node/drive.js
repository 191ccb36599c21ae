// Reads orders, writes answers, a line of JSON each.
const readline = require("node:readline");
const Redis = require("ioredis");

const ioredis = Redis.default ?? Redis;
const seconds = () => performance.now() / 1000;
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

async function spread(order, act) {
  const each = Math.max(Math.floor(order.count / order.tasks), 1);
  const task = async (number) => {
    for (let index = 0; index < each; index++) await act(number * each + index);
  };
  const started = seconds();
  await Promise.all(Array.from({ length: order.tasks }, (_, number) => task(number)));
  return { seconds: seconds() - started, done: each * order.tasks };
}

// Who released it asks again only when another has it, as in src/handover.rs.
async function handover(order, take) {
  const samples = [];
  const started = seconds();
  let released;
  let holders = 0;
  let wake = [];
  const isTaken = () => new Promise((resolve) => wake.push(resolve));
  const task = async () => {
    while (holders <= order.count) {
      const release = await take(order.key);
      if (holders <= order.count && released !== undefined) samples.push(seconds() - released);
      const turn = ++holders;
      for (const resolve of wake.splice(0)) resolve();
      await sleep(1);
      released = seconds();
      await release();
      while (holders === turn && holders <= order.count) await isTaken();
    }
  };
  // Those who still wait at the end are not waited for.
  const tasks = Array.from({ length: order.tasks }, task);
  const enough = async () => {
    while (holders <= order.count) await isTaken();
  };
  await Promise.race([enough(), Promise.all(tasks)]);
  return { seconds: seconds() - started, done: order.count, samples };
}

// `make` turns clients into what takes the lock of a name, and gives how to release it.
module.exports = async function drive(make) {
  const clients = process.argv.slice(2).map((url) => new ioredis(url));
  await Promise.all(clients.map((client) => client.ping()));
  const take = make(clients);
  const run = (order) => {
    if (order.op === "lock_handover") return handover(order, take);
    if (order.op !== "lock") throw new Error(`no ${order.op}`);
    return spread(order, async (index) => (await take(`${order.key}:${index}`))());
  };
  console.log('{"seconds": 0.0, "done": 0}');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = await run(JSON.parse(line));
    } catch (error) {
      answer = { error: `${error.name}: ${error.message}` };
    }
    console.log(JSON.stringify(answer));
  }
  process.exit(0);
};
