//! Places on the server: how far they are, and what is near.

use std::error::Error;

use purse::{Client, Distance, GeoPoint, GeoShape, RedisGeo};
use purse_examples::Store;

/// Works on the map `redis_geo` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let cities: RedisGeo<String> = RedisGeo::new(&client, "redis_geo");
    cities.clear().await?;

    let at = |longitude, latitude| GeoPoint {
        longitude,
        latitude,
    };
    let berlin = at(13.40, 52.52);
    println!(
        "Berlin is new    {}",
        cities.insert("Berlin", berlin).await?
    );
    let others = [("Potsdam", at(13.06, 52.40)), ("Paris", at(2.35, 48.86))];
    println!("new              {}", cities.extend(others).await?);
    if let Some(distance) = cities.distance("Berlin", "Paris").await? {
        println!("to Paris         {:.0} km", distance.as_kilometers());
        println!("to Paris         {:.0} miles", distance.as_miles());
    }
    println!("Rome             {:?}", cities.point("Rome").await?);

    let map = GeoShape::rectangle(Distance::kilometers(60.0), Distance::kilometers(40.0));
    let shown = cities.search(berlin, map).nearest_first().to_vec().await?;
    println!("on the map       {shown:?}");
    let near = GeoShape::circle(Distance::kilometers(100.0));
    let search = cities.search_around("Berlin", near).nearest_first();
    for found in search.to_matches().await?.into_iter().skip(1) {
        let kilometers = found.distance.as_kilometers();
        println!("from Berlin      {}, {kilometers:.0} km", found.value);
    }
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
