//! The examples list, hash and redlock, one after the other.

use std::error::Error;

use purse_examples::{Quorum, Store};

#[path = "hash.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod hash;
#[path = "list.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod list;
#[path = "redlock.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod redlock;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    println!("--- list: a Vec and a double-ended queue on the server");
    list::run(store.url()).await?;

    println!("\n--- hash: a map with values of a type of one's own");
    hash::run(store.url()).await?;

    println!("\n--- redlock: ten tasks, one list, a lock over five masters");
    let masters = Quorum::find()?;
    redlock::run(store.url(), masters.urls()).await?;
    Ok(())
}
