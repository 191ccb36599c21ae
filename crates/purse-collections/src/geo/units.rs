//! Points on Earth, distances and shapes.

use purse_client::{Error, ErrorKind, Result};

/// The highest latitude of a point, that of the Mercator projection: the server divides a square
/// map into cells.
const HIGHEST_LATITUDE: f64 = 85.051_128_78;

/// A point on Earth in degrees (WGS 84).
///
/// A [`RedisGeo`](crate::RedisGeo) takes longitudes from -180 to 180 and latitudes from -85.05112878
/// to 85.05112878, and refuses other numbers with
/// [`InvalidInput`](purse_client::ErrorKind::InvalidInput).
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ErrorKind, GeoPoint, RedisGeo};
///
/// let cities: RedisGeo<String> = RedisGeo::new(&client, "cities");
/// let berlin = GeoPoint { longitude: 13.40, latitude: 52.52 };
/// cities.insert("Berlin", berlin).await?;
/// let pole = GeoPoint { longitude: 0.0, latitude: 90.0 };
/// let error = cities.insert("North Pole", pole).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoPoint {
    /// The longitude: degrees east of Greenwich, negative in the west.
    pub longitude: f64,
    /// The latitude: degrees north of the equator, negative in the south.
    pub latitude: f64,
}

impl GeoPoint {
    /// Refuses a point that the server cannot store.
    pub(super) fn checked(self) -> Result<Self> {
        let Self {
            longitude,
            latitude,
        } = self;
        // NaN is in no range.
        let is_valid = (-180.0..=180.0).contains(&longitude)
            && (-HIGHEST_LATITUDE..=HIGHEST_LATITUDE).contains(&latitude);
        if is_valid {
            return Ok(self);
        }
        Err(invalid(format!(
            "longitude {longitude} must be from -180 to 180, and latitude {latitude} from \
             -{HIGHEST_LATITUDE} to {HIGHEST_LATITUDE}"
        )))
    }
}

/// A distance on Earth's surface.
///
/// ```
/// use purse::Distance;
///
/// let marathon = Distance::kilometers(42.195);
/// assert_eq!(marathon.as_meters(), 42_195.0);
/// assert!(marathon > Distance::miles(26.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Distance {
    meters: f64,
}

impl Distance {
    /// Creates a distance in meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::meters(500.0).as_kilometers(), 0.5);
    /// ```
    #[must_use]
    #[doc(alias = "metres")]
    pub const fn meters(meters: f64) -> Self {
        Self { meters }
    }

    /// Creates a distance in kilometers.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::kilometers(0.5).as_meters(), 500.0);
    /// ```
    #[must_use]
    #[doc(alias = "kilometres")]
    pub const fn kilometers(kilometers: f64) -> Self {
        Self::meters(kilometers * 1_000.0)
    }

    /// Creates a distance in miles of 1609.344 meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::miles(1.0).as_feet().round(), 5_280.0);
    /// ```
    #[must_use]
    pub const fn miles(miles: f64) -> Self {
        Self::meters(miles * METERS_PER_MILE)
    }

    /// Creates a distance in feet of 0.3048 meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::feet(10.0).as_meters(), 3.048);
    /// ```
    #[must_use]
    pub const fn feet(feet: f64) -> Self {
        Self::meters(feet * METERS_PER_FOOT)
    }

    /// Returns the distance in meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::miles(1.0).as_meters(), 1_609.344);
    /// ```
    #[must_use]
    pub const fn as_meters(self) -> f64 {
        self.meters
    }

    /// Returns the distance in kilometers.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::meters(1_500.0).as_kilometers(), 1.5);
    /// ```
    #[must_use]
    pub const fn as_kilometers(self) -> f64 {
        self.meters / 1_000.0
    }

    /// Returns the distance in miles of 1609.344 meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::meters(3_218.688).as_miles(), 2.0);
    /// ```
    #[must_use]
    pub const fn as_miles(self) -> f64 {
        self.meters / METERS_PER_MILE
    }

    /// Returns the distance in feet of 0.3048 meters.
    ///
    /// ```
    /// use purse::Distance;
    ///
    /// assert_eq!(Distance::meters(0.3048).as_feet(), 1.0);
    /// ```
    #[must_use]
    pub const fn as_feet(self) -> f64 {
        self.meters / METERS_PER_FOOT
    }

    /// Refuses a distance that no shape has.
    fn checked(self) -> Result<f64> {
        if self.meters.is_finite() && self.meters >= 0.0 {
            return Ok(self.meters);
        }
        let message = format!(
            "a distance of {} m must be finite and not negative",
            self.meters
        );
        Err(invalid(message))
    }
}

const METERS_PER_MILE: f64 = 1_609.344;
const METERS_PER_FOOT: f64 = 0.3048;

/// A shape around the center of a search.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Distance, GeoPoint, GeoShape, RedisGeo};
///
/// let cities: RedisGeo<String> = RedisGeo::new(&client, "cities");
/// let berlin = GeoPoint { longitude: 13.40, latitude: 52.52 };
/// cities.insert("Berlin", berlin).await?;
/// for shape in [
///     GeoShape::circle(Distance::kilometers(10.0)),
///     GeoShape::rectangle(Distance::kilometers(10.0), Distance::kilometers(20.0)),
/// ] {
///     assert_eq!(cities.search(berlin, shape).to_vec().await?, ["Berlin"]);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum GeoShape {
    /// All points up to a distance from the center.
    #[non_exhaustive]
    Circle {
        /// The highest distance from the center.
        radius: Distance,
    },
    /// All points between two meridians and two parallels, at equal distances from the center.
    #[non_exhaustive]
    Rectangle {
        /// The size from west to east.
        width: Distance,
        /// The size from south to north.
        height: Distance,
    },
}

impl GeoShape {
    /// Creates a circle.
    ///
    /// ```
    /// use purse::{Distance, GeoShape};
    ///
    /// let nearby = GeoShape::circle(Distance::kilometers(5.0));
    /// assert!(matches!(nearby, GeoShape::Circle { radius, .. } if radius.as_meters() == 5_000.0));
    /// ```
    #[must_use]
    #[doc(alias = "BYRADIUS")]
    pub const fn circle(radius: Distance) -> Self {
        Self::Circle { radius }
    }

    /// Creates a rectangle with a size from west to east and one from south to north. The center of
    /// the search is its center.
    ///
    /// ```
    /// use purse::{Distance, GeoShape};
    ///
    /// let map = GeoShape::rectangle(Distance::kilometers(16.0), Distance::kilometers(9.0));
    /// assert!(matches!(map, GeoShape::Rectangle { height, .. } if height.as_kilometers() == 9.0));
    /// ```
    #[must_use]
    #[doc(alias = "BYBOX")]
    pub const fn rectangle(width: Distance, height: Distance) -> Self {
        Self::Rectangle { width, height }
    }

    /// Returns the option of the command and its numbers, in meters.
    pub(super) fn option(self) -> Result<(&'static str, Vec<f64>)> {
        match self {
            Self::Circle { radius } => Ok(("BYRADIUS", vec![radius.checked()?])),
            Self::Rectangle { width, height } => {
                Ok(("BYBOX", vec![width.checked()?, height.checked()?]))
            }
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
