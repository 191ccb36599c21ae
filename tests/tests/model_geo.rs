//! `RedisGeo` against a map of points: random operations, and distances by the haversine formula.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, Distance, GeoPoint, GeoShape, RedisGeo};
use purse_tests::{fresh, model};

/// The radius of the server's sphere in meters.
const RADIUS: f64 = 6_372_797.560_856;
/// The error of a distance in meters between points that the server has rounded.
const ROUNDING: f64 = 1.5;

type Element = &'static str;
type Model = BTreeMap<Element, GeoPoint>;

#[derive(Debug, Clone)]
enum Step {
    Insert(Element, GeoPoint),
    Extend(Vec<(Element, GeoPoint)>),
    Remove(Element),
    RemoveMany(Vec<Element>),
    Point(Element),
    Points(Vec<Element>),
    Distance(Element, Element),
    Len,
    Contains(Element),
    Circle(GeoPoint, f64),
    Around(Element, f64),
    Rectangle(GeoPoint, f64, f64),
    Nearest(GeoPoint, u32),
    /// Into another map.
    Store(GeoPoint, f64),
    Clear,
}

fn point() -> impl Strategy<Value = GeoPoint> {
    // A few points are near each other.
    let near = (10.0..14.0, 50.0..54.0);
    let far = (-170.0..170.0, -65.0..65.0);
    let both = prop_oneof![3 => near, 1 => far];
    both.prop_map(|(longitude, latitude)| GeoPoint {
        longitude,
        latitude,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let element = || select(vec!["1", "2", "-3", "", "a", "ab", "*", "ä"]);
    let elements = || vec(element(), 0..5);
    let step = prop_oneof![
        4 => (element(), point()).prop_map(|(element, point)| Step::Insert(element, point)),
        3 => vec((element(), point()), 0..5).prop_map(Step::Extend),
        1 => element().prop_map(Step::Remove),
        1 => elements().prop_map(Step::RemoveMany),
        1 => element().prop_map(Step::Point),
        1 => elements().prop_map(Step::Points),
        3 => (element(), element()).prop_map(|(one, other)| Step::Distance(one, other)),
        1 => Just(Step::Len),
        1 => element().prop_map(Step::Contains),
        3 => (point(), 0.0..600_000.0).prop_map(|(point, radius)| Step::Circle(point, radius)),
        2 => (element(), 0.0..600_000.0).prop_map(|(element, radius)| Step::Around(element, radius)),
        3 => (point(), 0.0..400_000.0, 0.0..400_000.0)
            .prop_map(|(point, width, height)| Step::Rectangle(point, width, height)),
        2 => (point(), 1..4_u32).prop_map(|(point, count)| Step::Nearest(point, count)),
        1 => (point(), 0.0..600_000.0).prop_map(|(point, radius)| Step::Store(point, radius)),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..=80)
}

/// Returns the distance in meters.
fn haversine(a: GeoPoint, b: GeoPoint) -> f64 {
    let half_sine = |a: f64, b: f64| ((a - b).to_radians() / 2.0).sin().powi(2);
    let cosines = a.latitude.to_radians().cos() * b.latitude.to_radians().cos();
    let square = half_sine(a.latitude, b.latitude) + cosines * half_sine(a.longitude, b.longitude);
    2.0 * RADIUS * square.sqrt().asin()
}

#[track_caller]
fn assert_near(point: GeoPoint, expected: GeoPoint) {
    let distance = haversine(point, expected);
    assert!(
        distance < ROUNDING / 2.0,
        "{point:?}, {expected:?}: {distance} m"
    );
}

/// Fails if an element is missing that is surely in a shape, or one is there that surely is not.
#[track_caller]
fn assert_found(found: &[String], model: &Model, sure: impl Fn(GeoPoint) -> Option<bool>) {
    for (element, point) in model {
        if let Some(expected) = sure(*point) {
            let is_found = found.iter().any(|other| other == element);
            assert_eq!(is_found, expected, "{element:?} at {point:?}");
        }
    }
    assert!(found.iter().all(|element| model.contains_key(&**element)));
}

/// Says whether a size is below a limit, if that is sure.
fn is_below(size: f64, limit: f64, tolerance: f64) -> Option<bool> {
    match size {
        size if size < limit - tolerance => Some(true),
        size if size > limit + tolerance => Some(false),
        _ => None,
    }
}

async fn step(
    geo: &RedisGeo<String>,
    other: &RedisGeo<String>,
    model: &mut Model,
    step: Step,
) -> purse::Result<()> {
    let circle = |radius| GeoShape::circle(Distance::meters(radius));
    match step {
        Step::Insert(element, point) => {
            let is_new = geo.insert(element, point).await?;
            assert_eq!(is_new, model.insert(element, point).is_none());
        }
        Step::Extend(elements) => {
            let before = model.len();
            model.extend(elements.iter().copied());
            let new = geo.extend(elements).await?;
            assert_eq!(new, (model.len() - before) as u64);
        }
        Step::Remove(element) => {
            assert_eq!(geo.remove(element).await?, model.remove(element).is_some());
        }
        Step::RemoveMany(elements) => {
            let removed = geo.remove_many(elements.iter().copied()).await?;
            let expected = elements
                .iter()
                .filter(|element| model.remove(**element).is_some());
            assert_eq!(removed, expected.count() as u64);
        }
        Step::Point(element) => match (geo.point(element).await?, model.get(element)) {
            (Some(point), Some(expected)) => assert_near(point, *expected),
            (point, expected) => assert_eq!(point, expected.copied()),
        },
        Step::Points(elements) => {
            let points = geo.points(elements.iter().copied()).await?;
            assert_eq!(points.len(), elements.len());
            for (element, point) in elements.iter().zip(points) {
                match (point, model.get(element)) {
                    (Some(point), Some(expected)) => assert_near(point, *expected),
                    (point, expected) => assert_eq!(point, expected.copied()),
                }
            }
        }
        Step::Distance(one, other) => {
            let distance = geo.distance(one, other).await?;
            let points = (model.get(one), model.get(other));
            let expected = points.0.zip(points.1).map(|(a, b)| haversine(*a, *b));
            assert_eq!(distance.is_some(), expected.is_some());
            if let (Some(distance), Some(expected)) = (distance, expected) {
                let error = (distance.as_meters() - expected).abs();
                assert!(error < ROUNDING, "{distance:?}, {expected}");
            }
        }
        Step::Len => assert_eq!(geo.len().await?, model.len() as u64),
        Step::Contains(element) => {
            assert_eq!(geo.contains(element).await?, model.contains_key(element));
        }
        Step::Circle(center, radius) => {
            let found = geo.search(center, circle(radius)).to_matches().await?;
            for found in &found {
                let point = model[&*found.value];
                assert_near(found.point, point);
                let error = found.distance.as_meters() - haversine(center, point);
                assert!(error.abs() < ROUNDING, "{found:?}: {error}");
            }
            let found: Vec<_> = found.into_iter().map(|found| found.value).collect();
            assert_found(&found, model, |point| {
                is_below(haversine(center, point), radius, ROUNDING)
            });
        }
        Step::Around(element, radius) => {
            let found = geo.search_around(element, circle(radius)).to_vec().await;
            match model.get(element) {
                Some(&center) => assert_found(&found?, model, |point| {
                    is_below(haversine(center, point), radius, ROUNDING)
                }),
                None => assert!(model.is_empty() == found.is_ok_and(|found| found.is_empty())),
            }
        }
        Step::Rectangle(center, width, height) => {
            let shape = GeoShape::rectangle(Distance::meters(width), Distance::meters(height));
            let found = geo.search(center, shape).to_vec().await?;
            assert_found(&found, model, |point| {
                let here = |longitude, latitude| GeoPoint {
                    longitude,
                    latitude,
                };
                let north = here(center.longitude, point.latitude);
                // Servers measure from west to east in the middle, or on the point's parallel.
                let east = haversine(point, north);
                let wide = is_below(east, width / 2.0, 0.1 * east + ROUNDING)?;
                let tall = is_below(haversine(center, north), height / 2.0, ROUNDING)?;
                Some(wide && tall)
            });
        }
        Step::Nearest(center, count) => {
            let shape = circle(2_000_000.0);
            let found = geo.search(center, shape).limit(count).to_matches().await?;
            let mut distances: Vec<_> = model
                .values()
                .map(|point| haversine(center, *point))
                .filter(|distance| *distance < 2_000_000.0)
                .collect();
            distances.sort_by(f64::total_cmp);
            distances.truncate(count as usize);
            assert_eq!(found.len(), distances.len());
            for (found, distance) in found.iter().zip(distances) {
                assert!((found.distance.as_meters() - distance).abs() < ROUNDING);
            }
        }
        Step::Store(center, radius) => {
            let search = geo.search(center, circle(radius));
            let stored = search.store_into(other).await?;
            assert_eq!(other.len().await?, stored);
            let all = other.search(center, circle(2.0 * radius + 10.0)).to_vec();
            let found = all.await?;
            assert_eq!(found.len() as u64, stored);
            assert_found(&found, model, |point| {
                is_below(haversine(center, point), radius, ROUNDING)
            });
        }
        Step::Clear => {
            assert_eq!(geo.clear().await?, !model.is_empty());
            model.clear();
        }
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let geo = RedisGeo::new(client, fresh("model"));
    let other = RedisGeo::new(client, fresh("model"));
    let mut model = Model::new();
    for next in steps {
        step(&geo, &other, &mut model, next).await.expect("a reply");
    }
    assert_eq!(geo.len().await.expect("a reply"), model.len() as u64);
    geo.clear().await.expect("a reply");
    other.clear().await.expect("a reply");
}

#[test]
fn geo_answers_as_a_map_of_points_does() {
    model::check(&steps(), run);
}
