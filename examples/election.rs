//! Candidates lead one after the other, others see who does, and who comes too late is refused.

use std::error::Error;
use std::time::Duration;

use purse::Redlock;
use purse::redlock::Election;
use purse_examples::Quorum;
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

/// A journal that the leader writes to. It keeps the greatest fence it has seen, and refuses smaller
/// ones.
#[derive(Debug, Default)]
struct Journal {
    fence: u64,
}

impl Journal {
    fn write(&mut self, name: &str, fence: u64) {
        if fence < self.fence {
            println!("{name} is refused: another has led since");
        } else {
            self.fence = fence;
            println!("{name} writes");
        }
    }
}

/// Leads for a while; gives the fence of that time.
async fn lead(election: &Election, name: &str, journal: &mut Journal) -> Result<u64, Failure> {
    let mut observer = election.observe();
    let leadership = election.campaign(name).await?;
    // As it is seen from any process.
    observer.wait_for(Option::is_some).await?;
    let seen = observer.borrow().clone();
    println!("{} leads", seen.ok_or("no leader is known")?.name());
    tokio::select! {
        reason = leadership.lost() => println!("{name} stops: {reason}"),
        () = sleep(Duration::from_millis(100)) => journal.write(name, leadership.fence()),
    }
    let fence = leadership.fence();
    println!("{name} resigns: {:?}", leadership.resign().await?);
    observer.wait_for(Option::is_none).await?;
    Ok(fence)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let masters = Quorum::find()?;
    let redlock = Redlock::builder(masters.urls()).build().await?;
    let election = redlock.election("election:scheduler");
    let mut journal = Journal::default();

    let fence = lead(&election, "ada", &mut journal).await?;
    lead(&election, "bob", &mut journal).await?;
    // As if it had been paused all the time.
    journal.write("ada", fence);
    redlock.shutdown().await;
    Ok(())
}
