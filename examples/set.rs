//! Sets on the server: what is in one, in all, in some of them.

use std::collections::BTreeSet;
use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, Pattern, RedisSet};
use purse_examples::Store;

/// Works on the sets `{redis_set}…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    // What is in braces decides the place in a cluster: so these can be worked on together.
    let sunny: RedisSet<String> = RedisSet::new(&client, "{redis_set}sunny");
    let tasty: RedisSet<String> = RedisSet::new(&client, "{redis_set}tasty");
    let both: RedisSet<String> = RedisSet::new(&client, "{redis_set}both");
    for set in [&sunny, &tasty, &both] {
        set.clear().await?;
    }

    let new = sunny.extend(["tomato", "sage", "thyme", "agave"]).await?;
    println!("new              {new}");
    tasty.extend(["tomato", "sage", "leek"]).await?;
    println!("sage is new      {}", sunny.add("sage").await?);
    println!("sage is there    {}", sunny.contains("sage").await?);
    let answers = tasty.contains_many(["leek", "agave"]).await?;
    println!("leek, agave      {answers:?}");

    let stored = sunny.intersection([&tasty]).store_into(&both).await?;
    println!("in both          {stored} {:?}", sort(both.to_set().await?));
    println!("is a part        {}", both.is_subset(&sunny).await?);
    let rest = sunny.difference([&tasty]).to_set().await?;
    println!("sunny alone      {:?}", sort(rest));
    let mut plants = BTreeSet::new();
    let mut union = sunny.union([&tasty]).stream();
    while let Some(plant) = union.try_next().await? {
        plants.insert(plant);
    }
    println!("in any           {plants:?}");

    let starting: Vec<String> = sunny
        .stream()
        .matching(Pattern::prefix("to"))
        .try_collect()
        .await?;
    println!("starting with to {starting:?}");
    println!("agave moved      {}", sunny.move_to(&tasty, "agave").await?);
    println!("one of sunny     {}", sunny.pop().await?.is_some());
    println!("left             {}", sunny.len().await?);
    client.close().await;
    Ok(())
}

fn sort(elements: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    elements.into_iter().collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
