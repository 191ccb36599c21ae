//! Work under a lock that outlasts its ttl, and work that is stopped since its lock was lost.

use std::error::Error;
use std::time::Duration;

use purse::Redlock;
use purse::redlock;
use purse_examples::Quorum;
use tokio::time::{sleep, timeout};

type Failure = Box<dyn Error + Send + Sync>;

const TTL: Duration = Duration::from_secs(2);

/// Takes longer than the lock lasts: it is extended meanwhile.
async fn long(redlock: &Redlock) -> Result<(), Failure> {
    let mutex = redlock.mutex("scope:report");
    let work = async |lease: redlock::RedlockLease| {
        for page in 1..=3 {
            sleep(TTL / 2).await;
            // Right before what must not be done twice.
            lease.check()?;
            println!("page {page} is written");
        }
        Ok::<_, redlock::Error>(3)
    };
    let pages = mutex.scope(work).await?.ensure_held()??;
    println!("{pages} pages, and the lock held all the time");
    Ok(())
}

/// Would never end, but may hold the lock for a short time only.
async fn endless(redlock: &Redlock) -> Result<(), Failure> {
    let limit = redlock::AutoExtend::new().max_hold(TTL);
    let mutex = redlock.mutex("scope:endless").auto_extend(limit);
    match mutex.scope(async |_| std::future::pending().await).await {
        Err(redlock::Error::Lost { reason, .. }) => println!("the work was stopped: {reason}"),
        Err(error) => return Err(error.into()),
        Ok(scoped) => scoped.into_output(),
    }
    Ok(())
}

/// Gives up in the midst of the work: the lock is given back at once.
async fn impatient(redlock: &Redlock) -> Result<(), Failure> {
    let mutex = redlock.mutex("scope:impatient");
    let work = mutex.scope(async |_| sleep(TTL * 60).await);
    if timeout(TTL / 4, work).await.is_err() {
        println!("the work took too long");
    }
    let next = mutex.lock_timeout(TTL).await?;
    println!("and the next one has the lock");
    let _ = next.release().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let masters = Quorum::find()?;
    let redlock = Redlock::builder(masters.urls()).ttl(TTL).build().await?;
    long(&redlock).await?;
    endless(&redlock).await?;
    impatient(&redlock).await?;
    redlock.shutdown().await;
    Ok(())
}
