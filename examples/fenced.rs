//! A writer pauses for longer than its lock holds, and the store refuses what it writes then.

use std::error::Error;
use std::time::Duration;

use purse::Redlock;
use purse::redlock::Release;
use purse_examples::Quorum;
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

/// A page that the lock protects. It keeps the greatest fence it has seen together with its text, and
/// refuses writes with a smaller one. A database does the same in one statement:
/// `UPDATE page SET text = $1, fence = $2 WHERE id = $3 AND fence <= $2`.
#[derive(Debug, Default)]
struct Page {
    text: String,
    fence: u64,
}

impl Page {
    fn write(&mut self, text: &str, fence: u64) -> Result<(), &'static str> {
        if fence < self.fence {
            return Err("another holder has written since");
        }
        text.clone_into(&mut self.text);
        self.fence = fence;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let masters = Quorum::find()?;
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(1))
        .build()
        .await?;
    let mutex = redlock.fenced().mutex("fenced:page");
    let mut page = Page::default();

    let first = mutex.lock().await?;
    page.write("the first writer's draft", first.fence())?;
    println!("the first writer pauses");
    sleep(first.remaining()).await;

    let second = mutex.lock().await?;
    page.write("the second writer's text", second.fence())?;
    println!(
        "the second writer has a greater fence: {}",
        second.fence() > first.fence()
    );

    // The first writer did not look at its guard, or was paused just after it did.
    match page.write("the first writer's late text", first.fence()) {
        Ok(()) => return Err("the page took a text that came too late".into()),
        Err(reason) => println!("the first writer is refused: {reason}"),
    }
    println!("the page says: {}", page.text);

    let expired = first.release().await? == Release::AlreadyExpired;
    println!("the first writer's lock had expired: {expired}");
    drop(second);
    redlock.shutdown().await;
    Ok(())
}
