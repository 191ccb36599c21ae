//! A report that one replica writes at a time.

use std::time::Duration;

use purse::{Client, RedisKeySpace, Redlock};
use tokio::sync::watch;

use crate::posts::Posts;
use crate::wait_stopped;

/// Writes a report every `period` while this replica leads, until `stop` becomes true.
///
/// If the leader stops or is cut off, another replica takes over within the time to live of its lock.
pub async fn run(
    client: Client,
    posts: Posts,
    redlock: Redlock,
    name: String,
    period: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let election = redlock.election("report");
    loop {
        let leadership = tokio::select! {
            leadership = election.campaign(&name) => leadership,
            () = wait_stopped(&mut stop) => return,
        };
        let leadership = match leadership {
            Ok(leadership) => leadership,
            Err(error) => {
                tracing::warn!(%error, "no leader could be elected");
                tokio::time::sleep(period).await;
                continue;
            }
        };
        tracing::info!(name, fence = leadership.fence(), "this replica leads");
        tokio::select! {
            reason = leadership.lost() => tracing::warn!(%reason, "this replica leads no more"),
            () = write_reports(&client, &posts, period) => {}
            () = wait_stopped(&mut stop) => {
                if let Err(error) = leadership.resign().await {
                    tracing::warn!(%error, "the next leader has to wait for the lock's time");
                }
                return;
            }
        }
    }
}

async fn write_reports(client: &Client, posts: &Posts, period: Duration) {
    let reports: RedisKeySpace<String> = RedisKeySpace::new(client, "report:");
    loop {
        if let Err(error) = write_report(posts, &reports).await {
            tracing::warn!(%error, "no report was written");
        }
        tokio::time::sleep(period).await;
    }
}

async fn write_report(posts: &Posts, reports: &RedisKeySpace<String>) -> purse::Result<()> {
    let (words, authors) = tokio::try_join!(posts.words.len(), posts.leaders.len())?;
    let report = format!("{authors} authors used {words} words");
    tracing::info!(report);
    reports.set("latest", report).await
}
