//! A set of elements with points on Earth, and searches by distance.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`.

mod search;
mod units;

use std::borrow::Borrow;

use purse_client::{Client, Command, Op, Reply, Result};
use purse_codec::{Codec, Decoded, IntoArg, IntoPair, Lenient, Plain};

pub use search::{GeoMatch, GeoSearch};
pub use units::{Distance, GeoPoint, GeoShape};

use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode, encode_one};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

/// A map from elements to points on Earth, which the server searches by distance.
///
/// The value is a sorted set whose scores are the points, so a
/// [`RedisSortedSet`](crate::RedisSortedSet) of the same key can stream the elements. A score has 26
/// bits for the longitude and 26 for the latitude, so a point is stored with an error of up to 0.4 m.
/// A search around a point finds the element that was inserted there at a distance of up to 0.4 m.
/// The server computes distances on a sphere with a radius of 6372.8 km. They differ from those on
/// the ellipsoid by up to 0.5 %.
///
/// The server compares elements by their bytes. Therefore the codec must write equal values as
/// equal bytes. To insert an element with the same point again changes nothing.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, Distance, GeoPoint, GeoShape, RedisGeo};
///
/// let client = Client::connect(&url).await?;
/// let cities: RedisGeo<String> = RedisGeo::new(&client, "cities");
/// cities.insert("Berlin", GeoPoint { longitude: 13.40, latitude: 52.52 }).await?;
/// cities.insert("Paris", GeoPoint { longitude: 2.35, latitude: 48.86 }).await?;
/// let distance = cities.distance("Berlin", "Paris").await?.expect("both are there");
/// assert_eq!(distance.as_kilometers().round(), 877.0);
///
/// let cologne = GeoPoint { longitude: 6.96, latitude: 50.94 };
/// let circle = GeoShape::circle(Distance::kilometers(450.0));
/// assert_eq!(cities.search(cologne, circle).to_vec().await?, ["Paris"]);
/// # Ok(()) }
/// ```
#[doc(alias = "geospatial")]
pub struct RedisGeo<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisGeo<T, C> {
    /// Creates a handle of the map at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// assert!(stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// Returns a handle whose elements are [`Decoded`]: an element that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let words: RedisGeo<String> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// words.extend([("1", here), ("two", here)]).await?;
    /// let numbers: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let circle = GeoShape::circle(Distance::meters(10.0));
    /// let all = numbers.lenient().search(here, circle).to_vec().await?;
    /// assert_eq!(all.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [1]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisGeo<Decoded<T>, Lenient<C>> {
        RedisGeo(self.0.cast())
    }

    key_methods!(
        0,
        [
            "stops",
            "RedisGeo",
            "<u32>",
            "insert(7, purse::GeoPoint { longitude: 0.0, latitude: 50.0 })"
        ]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisGeo<T, C> {
    /// Returns the number of elements.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// assert_eq!(stops.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Returns whether there is no element.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisGeo;
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// assert!(stops.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns whether `value` is an element.
    ///
    /// Redis: ZSCORE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// assert!(stops.contains(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::read("ZSCORE"), value, |reply| Ok(!reply.is_nil()))
    }

    /// Returns the point of `value`, as the server has rounded it; `None` if it is not an element.
    ///
    /// Redis: GEOPOS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// let point = stops.point(7).await?.expect("an element");
    /// assert!((point.latitude - 50.0).abs() < 0.00001);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOPOS")]
    #[doc(alias = "get")]
    pub fn point(&self, value: impl IntoArg<T>) -> Op<Option<GeoPoint>> {
        self.one(Command::read("GEOPOS"), value, |reply| {
            let [point] = reply.into_array()?;
            point.non_nil().map(read_point).transpose()
        })
    }

    /// Returns the points of many values, in the order of the values.
    ///
    /// Redis: GEOPOS. Time complexity: O(n) for n values. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// let points = stops.points([7, 8]).await?;
    /// assert!(points[0].is_some() && points[1].is_none());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOPOS")]
    #[doc(alias = "get_many")]
    pub fn points<'a, I>(&self, values: I) -> BulkOp<'a, Vec<Option<GeoPoint>>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |value, arguments: &mut ArgBuffer| encode_one::<T, C, _>(value, arguments);
        let command = self.0.on_key(Command::read("GEOPOS"));
        let more = |mut points: Vec<_>, reply: Reply| {
            for point in reply.into_list()? {
                points.push(point.non_nil().map(read_point).transpose()?);
            }
            Ok(points)
        };
        Bulk::new(&self.0.client, command).run(values.into_iter(), write, Vec::new(), more)
    }

    /// Returns the distance between two elements; `None` if one of them is not in the map.
    ///
    /// Redis: GEODIST. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// stops.insert(8, GeoPoint { longitude: 0.0, latitude: 51.0 }).await?;
    /// let distance = stops.distance(7, 8).await?.expect("both are there");
    /// assert_eq!(distance.as_kilometers().round(), 111.0);
    /// assert_eq!(stops.distance(7, 9).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEODIST")]
    pub fn distance(&self, from: impl IntoArg<T>, to: impl IntoArg<T>) -> Op<Option<Distance>> {
        let args = |command: Command| {
            let (from, to) = (encode::<T, C>(from)?, encode::<T, C>(to)?);
            Ok(command.arg(from).arg(to).arg("m"))
        };
        self.0.try_op(args, Command::read("GEODIST"), |reply| {
            let meters = reply.non_nil().map(Reply::into_float).transpose()?;
            Ok(meters.map(Distance::meters))
        })
    }

    /// Adds an element with a point, or changes its point. Returns whether the element is new.
    ///
    /// Redis: GEOADD. Time complexity: O(log(n)) for n elements in the map. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if the [point](GeoPoint) is out of
    /// range.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// assert!(stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?);
    /// assert!(!stops.insert(7, GeoPoint { longitude: 0.0, latitude: 51.0 }).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOADD")]
    #[doc(alias = "add")]
    pub fn insert(&self, value: impl IntoArg<T>, point: GeoPoint) -> Op<bool> {
        let args = |command: Command| {
            let point = point.checked()?;
            let command = command.arg(point.longitude).arg(point.latitude);
            Ok(command.arg(encode::<T, C>(value)?))
        };
        self.0
            .try_op(args, Command::write("GEOADD"), Reply::into_bool)
    }

    /// Adds elements with points, or changes their points. Returns how many of them are new.
    ///
    /// Redis: GEOADD. Time complexity: O(m · log(n)) for m elements, with n in the map. Round trips:
    /// 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a [point](GeoPoint) is out of
    /// range. The elements in the chunks before it are added.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// assert_eq!(stops.extend([(7, here), (8, here)]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOADD")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<
                Item: IntoPair<First: IntoArg<T>, Second: Borrow<GeoPoint>>,
                IntoIter: Send + 'a,
            >,
    {
        let command = self.0.on_key(Command::write("GEOADD"));
        let write = |item: I::Item, arguments: &mut ArgBuffer| {
            let (value, point) = item.into_pair();
            let point = point.borrow().checked()?;
            for degrees in [point.longitude, point.latitude] {
                arguments.append_with(|block| {
                    block.extend_from_slice(degrees.to_string().as_bytes());
                    Ok(())
                })?;
            }
            arguments.encode::<T, C>(value)
        };
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, 0, bulk::sum)
    }

    /// Removes an element. Returns whether it existed.
    ///
    /// Redis: ZREM. Time complexity: O(log(n)) for n elements in the map. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// assert!(stops.remove(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    #[doc(alias = "discard")]
    pub fn remove(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("ZREM"), value, Reply::into_bool)
    }

    /// Removes many elements. Returns how many of them existed.
    ///
    /// Redis: ZREM. Time complexity: O(m · log(n)) for m elements, with n in the map. Round trips: 1
    /// per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{GeoPoint, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// assert_eq!(stops.remove_many([7, 8]).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    pub fn remove_many<'a, I>(&self, values: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |value, arguments: &mut ArgBuffer| encode_one::<T, C, _>(value, arguments);
        let command = self.0.on_key(Command::write("ZREM"));
        Bulk::new(&self.0.client, command).run(values.into_iter(), write, 0, bulk::sum)
    }

    /// Describes the elements in a shape around a point. Sends nothing; the methods of
    /// [`GeoSearch`] read or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// stops.insert(7, here).await?;
    /// let circle = GeoShape::circle(Distance::meters(500.0));
    /// assert_eq!(stops.search(here, circle).to_vec().await?, [7]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCH")]
    #[doc(alias = "FROMLONLAT")]
    #[doc(alias = "GEORADIUS")]
    pub fn search(&self, center: GeoPoint, shape: GeoShape) -> GeoSearch<T, C> {
        let center = center.checked().map(|center| {
            vec![
                "FROMLONLAT".into(),
                center.longitude.into(),
                center.latitude.into(),
            ]
        });
        GeoSearch::new(self.0.clone(), center, shape)
    }

    /// Describes the elements in a shape around an element, which is one of them. Sends nothing; the
    /// methods of [`GeoSearch`] read or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// stops.insert(7, GeoPoint { longitude: 0.0, latitude: 50.0 }).await?;
    /// let circle = GeoShape::circle(Distance::meters(500.0));
    /// assert_eq!(stops.search_around(7, circle).to_vec().await?, [7]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCH")]
    #[doc(alias = "FROMMEMBER")]
    #[doc(alias = "GEORADIUSBYMEMBER")]
    pub fn search_around(&self, value: impl IntoArg<T>, shape: GeoShape) -> GeoSearch<T, C> {
        let center = encode::<T, C>(value).map(|value| vec!["FROMMEMBER".into(), value.into()]);
        GeoSearch::new(self.0.clone(), center, shape)
    }

    fn one<R>(
        &self,
        command: Command,
        value: impl IntoArg<T>,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, read)
    }
}

/// Reads the longitude and the latitude of a point.
fn read_point(reply: Reply) -> Result<GeoPoint> {
    let [longitude, latitude] = reply.into_array()?;
    Ok(GeoPoint {
        longitude: longitude.into_float()?,
        latitude: latitude.into_float()?,
    })
}

handle_traits!(RedisGeo<T, C>);
