//! Clients that do nothing.

use std::time::Duration;

use purse_client::{Client, Command};
use purse_testkit::{Cluster, Server};

use crate::support::{connections, until};

const CLIENTS: usize = 100;

/// Returns the number of commands that a server ran so far.
fn commands(server: &Server) -> u64 {
    let stats = server.command(&["INFO", "stats"]).expect("INFO");
    let text = stats.text().expect("text").to_owned();
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("total_commands_processed:"));
    count.expect("a count").parse().expect("a number")
}

#[tokio::test]
async fn idle_clients_send_nothing_over_one_connection_each() {
    let server = Server::start().expect("a server");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Client::connect(&server.url()).await.expect("a client");
        client.run(Command::read("PING")).await.expect("PING");
        clients.push(client);
    }
    assert_eq!(connections(&server), CLIENTS);
    let before = commands(&server);
    // A measurement, and not a wait for something.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(commands(&server) - before, 1, "but for INFO");
    assert_eq!(connections(&server), CLIENTS);
    assert!(clients.iter().all(Client::is_connected));
    drop(clients);
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn idle_clients_of_a_cluster_have_a_connection_per_node() {
    let cluster = Cluster::start(3, 0).expect("a cluster");
    // The nodes' own connections are not those of clients.
    let all = || -> usize { cluster.nodes().iter().map(connections).sum() };
    let before = all();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let client = Client::connect(&cluster.url()).await.expect("a client");
        for number in 0..20 {
            let get = Command::read("GET").key(format!("k{number}"));
            client.run(get).await.expect("GET");
        }
        clients.push(client);
    }
    assert_eq!(all() - before, 20 * 3);
    let asked: u64 = cluster.nodes().iter().map(crate::slot_requests).sum();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let now: u64 = cluster.nodes().iter().map(crate::slot_requests).sum();
    assert_eq!(now, asked, "slots are not asked for without a reason");
    assert_eq!(all() - before, 20 * 3);
}
