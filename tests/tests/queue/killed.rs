//! Processes that are killed while they pop: what they held comes back, and nothing else does.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use purse::{Client, Held, RedisQueue, sibling_key};
use purse_testkit::Server;

const URL: &str = "PURSE_TEST_URL";
const ELEMENTS: u32 = 2_000;
const ROUNDS: u32 = 12;

/// Pops until it is killed, and prints what it has got.
async fn consume(url: &str) {
    let client = Client::connect(url).await.expect("no failure");
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    loop {
        println!("got {}", queue.pop().await.expect("no failure"));
    }
}

struct Consumer(Child);

impl Consumer {
    fn start(server: &Server) -> (Self, Lines<BufReader<ChildStdout>>) {
        let mut child = Command::new(env::current_exe().expect("no failure"))
            .args(["--exact", "--nocapture"])
            .arg("killed::elements_of_killed_processes_come_back")
            .env(URL, server.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("no failure");
        let lines = BufReader::new(child.stdout.take().expect("no failure")).lines();
        (Self(child), lines)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SIGKILL: the process has no chance to put anything back.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(line: std::io::Result<String>) -> Option<u32> {
    let line = line.ok()?;
    let (_, number) = line.split_once("got ")?;
    number.parse().ok()
}

#[tokio::test]
async fn elements_of_killed_processes_come_back() {
    if let Ok(url) = env::var(URL) {
        return consume(&url).await;
    }
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    queue.push_many(0..ELEMENTS).await.unwrap();
    let mut delivered = Vec::new();
    for round in 0..ROUNDS {
        let (consumer, mut lines) = Consumer::start(&server);
        delivered.extend(number_of_lines(&mut lines, 1));
        // Each round kills it at another moment of a delivery.
        let moment = Instant::now() + Duration::from_micros(u64::from(round) * 97);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        drop(consumer);
        delivered.extend(lines.filter_map(number));
    }
    let in_hand: Vec<Held<u32>> = queue.in_hand().await.unwrap();
    let in_hand: Vec<u32> = in_hand.into_iter().flat_map(|held| held.elements).collect();

    // Each element is in one place; one that was printed may not be acknowledged yet.
    let once: BTreeSet<u32> = delivered.iter().copied().collect();
    assert_eq!(
        once.len(),
        delivered.len(),
        "no element was delivered twice"
    );
    let left = usize::try_from(queue.len().await.unwrap()).unwrap();
    let unseen = in_hand.iter().filter(|element| !once.contains(element));
    let lost = ELEMENTS as usize - left - delivered.len() - unseen.count();
    // A process dies between the acknowledgement and the print of at most one element.
    assert!(lost <= ROUNDS as usize, "{lost} elements are nowhere");

    // After the leases, the next pop of any process finds them.
    let consumers = sibling_key(b"queue", "consumers");
    let consumers = std::str::from_utf8(&consumers).unwrap();
    let ids = server.command(&["HKEYS", consumers]).unwrap();
    for id in ids.items() {
        let over = ["HSET", consumers, id.text().unwrap(), "1 1000000"];
        server.command(&over).unwrap();
    }
    let mut rest = Vec::new();
    while rest.len() < left + in_hand.len() {
        rest.push(
            queue
                .pop_timeout(Duration::from_secs(10))
                .await
                .unwrap()
                .expect("one"),
        );
    }
    assert_eq!(queue.try_pop().await.unwrap(), None);
    assert!(
        queue
            .in_hand()
            .await
            .unwrap()
            .iter()
            .all(|held| held.elements.is_empty())
    );
    let all: BTreeSet<u32> = rest.iter().chain(&delivered).copied().collect();
    assert!(all.len() + lost == ELEMENTS as usize, "all are somewhere");
}

/// Reads `count` numbers.
fn number_of_lines(lines: &mut Lines<BufReader<ChildStdout>>, count: usize) -> Vec<u32> {
    lines.by_ref().filter_map(number).take(count).collect()
}
