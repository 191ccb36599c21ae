//! Locks once, over the masters given as arguments.

use purse_redlock::Redlock;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let masters: Vec<_> = std::env::args().skip(1).collect();
    if masters.is_empty() {
        return Err("usage: redlock-alone redis://master1 redis://master2 redis://master3".into());
    }
    let redlock = Redlock::builder(masters).build().await?;
    let guard = redlock.mutex("report").lock().await?;
    println!("no other client can have it for {:?}", guard.remaining());
    println!("{:?}", guard.release().await?);
    redlock.shutdown().await;
    Ok(())
}
