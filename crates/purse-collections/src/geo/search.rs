//! Searches by distance.

use std::fmt;

use purse_client::{Argument, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, Plain};

use super::{Distance, GeoPoint, GeoShape, RedisGeo, read_point};
use crate::conversion::{decode, decode_list};
use crate::handle::Handle;

static STORE: Script = Script::write("GEO STORE", include_str!("../lua/geo_store.lua"));

/// A search for the elements in a shape that is described and not yet sent.
///
/// [`RedisGeo::search`] and [`RedisGeo::search_around`] create it. Without an order, the elements are
/// returned in any order.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
///
/// let cities: RedisGeo<String> = RedisGeo::new(&client, "cities");
/// cities
///     .extend([
///         ("Berlin", GeoPoint { longitude: 13.40, latitude: 52.52 }),
///         ("Potsdam", GeoPoint { longitude: 13.06, latitude: 52.40 }),
///         ("Paris", GeoPoint { longitude: 2.35, latitude: 48.86 }),
///     ])
///     .await?;
/// let circle = GeoShape::circle(Distance::kilometers(100.0));
/// let search = cities.search_around("Berlin", circle).nearest_first();
/// assert_eq!(search.to_vec().await?, ["Berlin", "Potsdam"]);
/// # Ok(()) }
/// ```
#[must_use = "nothing is searched before `to_vec`, `to_matches` or `store_into` is called"]
pub struct GeoSearch<T, C = Plain> {
    handle: Handle<(T, C)>,
    /// The center and the shape.
    area: Result<Vec<Argument>>,
    order: Option<&'static str>,
    limit: Option<(u32, bool)>,
}

/// An element that a search found.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Distance, GeoMatch, GeoPoint, GeoShape, RedisGeo};
///
/// let cities: RedisGeo<String> = RedisGeo::new(&client, "cities");
/// let berlin = GeoPoint { longitude: 13.40, latitude: 52.52 };
/// cities.insert("Berlin", berlin).await?;
/// let circle = GeoShape::circle(Distance::kilometers(10.0));
/// let found: Vec<GeoMatch<String>> = cities.search(berlin, circle).to_matches().await?;
/// assert_eq!(found[0].value, "Berlin");
/// assert!(found[0].distance < Distance::meters(1.0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GeoMatch<T> {
    /// The element.
    pub value: T,
    /// The distance from the center of the search.
    pub distance: Distance,
    /// The point of the element.
    pub point: GeoPoint,
}

impl<T, C> GeoSearch<T, C> {
    pub(super) fn new(
        handle: Handle<(T, C)>,
        center: Result<Vec<Argument>>,
        shape: GeoShape,
    ) -> Self {
        let area = center.and_then(|mut area| {
            let (option, sizes) = shape.option()?;
            area.push(option.into());
            area.extend(sizes.into_iter().map(Argument::from));
            area.push("m".into());
            Ok(area)
        });
        Self {
            handle,
            area,
            order: None,
            limit: None,
        }
    }

    /// Returns the nearest elements first.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// let there = GeoPoint { longitude: 0.1, latitude: 50.0 };
    /// stops.extend([(1, there), (2, here)]).await?;
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).nearest_first().to_vec().await?, [2, 1]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ASC")]
    pub fn nearest_first(mut self) -> Self {
        self.order = Some("ASC");
        self
    }

    /// Returns the farthest elements first.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// let there = GeoPoint { longitude: 0.1, latitude: 50.0 };
    /// stops.extend([(1, there), (2, here)]).await?;
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).farthest_first().to_vec().await?, [1, 2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DESC")]
    pub fn farthest_first(mut self) -> Self {
        self.order = Some("DESC");
        self
    }

    /// Returns at most `count` elements: the nearest ones, or the farthest ones with
    /// [`farthest_first`](Self::farthest_first). The server looks at all elements in the shape. A
    /// count of 0 is [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// let there = GeoPoint { longitude: 0.1, latitude: 50.0 };
    /// stops.extend([(1, there), (2, here)]).await?;
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).limit(1).to_vec().await?, [2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COUNT")]
    pub fn limit(mut self, count: u32) -> Self {
        self.limit = Some((count, false));
        self
    }

    /// Returns the first `count` elements that the server finds in the shape, which are not the
    /// nearest ones. The server does not look for more. A count of 0 is
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// let there = GeoPoint { longitude: 0.1, latitude: 50.0 };
    /// stops.extend([(1, there), (2, here)]).await?;
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).limit_any(1).to_vec().await?.len(), 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ANY")]
    pub fn limit_any(mut self, count: u32) -> Self {
        self.limit = Some((count, true));
        self
    }

    fn args(self, command: Command) -> Result<Command> {
        let mut command = command.args(self.area?);
        if let Some(order) = self.order {
            command = command.arg(order);
        }
        match self.limit {
            None => Ok(command),
            Some((0, _)) => {
                let message = "the limit of a search must be at least 1";
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
            Some((count, is_any)) => {
                let command = command.arg("COUNT").arg(i64::from(count));
                Ok(if is_any { command.arg("ANY") } else { command })
            }
        }
    }
}

impl<T: Send + 'static, C: Codec<T>> GeoSearch<T, C> {
    /// Returns the elements.
    ///
    /// Redis: GEOSEARCH. Time complexity: O(n + log(m)) for n elements in and near the shape, with m
    /// in the set. Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 6.2. [`InvalidInput`](ErrorKind::InvalidInput) if the
    /// center, the shape or the limit is not valid. [`Server`](ErrorKind::Server) if the center is an
    /// element that is not in the set, unless the set is empty.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// stops.insert(1, here).await?;
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).to_vec().await?, [1]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCH")]
    #[doc(alias = "GEORADIUS")]
    pub fn to_vec(self) -> Op<Vec<T>> {
        let handle = self.handle.clone();
        handle.try_op(
            |command| self.args(command),
            Command::read("GEOSEARCH"),
            decode_list::<T, C>,
        )
    }

    /// Returns the elements with their distances from the center and their points.
    ///
    /// Redis: GEOSEARCH with WITHDIST and WITHCOORD. Time complexity: O(n + log(m)) for n elements in
    /// and near the shape, with m in the set. Round trips: 1.
    ///
    /// # Errors
    /// Those of [`to_vec`](Self::to_vec).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "stops");
    /// let there = GeoPoint { longitude: 0.1, latitude: 50.0 };
    /// stops.insert(1, there).await?;
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// let found = stops.search(here, circle).to_matches().await?;
    /// assert_eq!(found[0].distance.as_kilometers().round(), 7.0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCH")]
    #[doc(alias = "WITHDIST")]
    #[doc(alias = "WITHCOORD")]
    pub fn to_matches(self) -> Op<Vec<GeoMatch<T>>> {
        let handle = self.handle.clone();
        let args = |command| Ok(self.args(command)?.arg("WITHDIST").arg("WITHCOORD"));
        handle.try_op(args, Command::read("GEOSEARCH"), |reply| {
            let found = reply.into_list()?.into_iter();
            found.map(read_match::<T, C>).collect()
        })
    }

    /// Stores the elements with their points in `destination`, and replaces its previous value, of
    /// any type. Returns the number of elements. The destination may be the set itself.
    ///
    /// Redis: EXISTS and GEOSEARCHSTORE or UNLINK in a script. Time complexity: O(n · log(n) +
    /// log(m)) for n elements in and near the shape, with m in the set. Round trips: 1.
    ///
    /// # Errors
    /// Those of [`to_vec`](Self::to_vec). [`CrossSlot`](ErrorKind::CrossSlot) in a cluster if the
    /// sets are in different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
    ///
    /// let stops: RedisGeo<u32> = RedisGeo::new(&client, "{stops}");
    /// let here = GeoPoint { longitude: 0.0, latitude: 50.0 };
    /// stops.insert(1, here).await?;
    /// let near: RedisGeo<u32> = RedisGeo::new(&client, "{stops}near");
    /// let circle = GeoShape::circle(Distance::kilometers(10.0));
    /// assert_eq!(stops.search(here, circle).store_into(&near).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXISTS")]
    #[doc(alias = "GEOSEARCHSTORE")]
    #[doc(alias = "UNLINK")]
    pub fn store_into(self, destination: &RedisGeo<T, C>) -> Op<u64> {
        let destination = &destination.0;
        let args = |command: Command| {
            let command = command.key(destination.key_of(&self.handle)?);
            destination.client.same_slot(command.keys())?;
            self.args(command)
        };
        destination.try_op(args, Command::script(&STORE), Reply::into_count)
    }
}

fn read_match<T, C: Codec<T>>(reply: Reply) -> Result<GeoMatch<T>> {
    let [value, distance, point] = reply.into_array()?;
    Ok(GeoMatch {
        value: decode::<T, C>(value)?,
        distance: Distance::meters(distance.into_float()?),
        point: read_point(point)?,
    })
}

impl<T, C> fmt::Debug for GeoSearch<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeoSearch of {:?}: {:?}", self.handle, self.area)?;
        write!(f, ", order {:?}, limit {:?}", self.order, self.limit)
    }
}
