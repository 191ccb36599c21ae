//! Time, loss and renewal of leases: the parts that everything has in common that a client holds for
//! a limited time, such as a lock, a permit or a claimed job.
//!
//! A lease is a promise of a server that ends at a known time. Its holder must stop in time without
//! asking the server, must learn of an earlier loss, and extends the lease while it works. This crate
//! has the parts for that, without a client and without commands:
//!
//! | type | what it is |
//! |---|---|
//! | [`LeaseInstant`] | a moment on a clock that continues while the machine is suspended |
//! | [`Timer`] | sleeps on that clock, on any executor, for all leases in one task |
//! | [`valid_until`] | the time at which a holder stops, with an allowance for clock drift |
//! | [`Validity`] | whether a lease holds, for its guard, its owner task and all that wait for its loss |
//! | [`Lost`] | a future that resolves when a lease is lost, to a [`LostReason`] |
//! | [`RenewalSchedule`] | when to extend, and when to stop, within the limits of [`AutoExtend`] |
//! | [`ShutdownTracker`] | the number of tasks and guards that a shutdown waits for |
//!
//! The crate is the base of purse's locks. Use `purse::redlock` for locks. To build another kind of
//! lease on it:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use purse_lease::{Lost, LostReason, SystemClock, Timer, Validity, valid_until};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
//! let ttl = Duration::from_millis(40);
//!
//! // The time counts from before the request, because the server may have counted since then.
//! let start = timer.now();
//! // … here the server grants a lease of `ttl` …
//! let validity = Arc::new(Validity::new(timer, valid_until(start, ttl)));
//!
//! assert!(validity.check().is_ok());
//! assert_eq!(Lost::new(validity.clone()).await, LostReason::Expired);
//! assert_eq!(validity.check(), Err(LostReason::Expired));
//! # }
//! ```

mod clock;
mod extension_limits;
mod lost;
mod lost_reason;
mod renewal;
mod shutdown_tracker;
#[cfg(test)]
mod testing;
mod timer;
mod valid_until;
mod validity;

pub use clock::{Clock, LeaseInstant, SystemClock};
pub use extension_limits::AutoExtend;
pub use lost::Lost;
pub use lost_reason::LostReason;
pub use renewal::RenewalSchedule;
pub use shutdown_tracker::{GuardToken, ShutdownTracker, TaskToken};
pub use timer::{RuntimeEnded, Sleep, Timer};
pub use valid_until::{drift, valid_until};
pub use validity::{ReleaseOnDrop, Validity};
