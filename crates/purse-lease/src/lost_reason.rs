//! The evidence that a lease was lost.

/// The evidence that a lease was lost.
///
/// ```
/// use purse_lease::LostReason;
///
/// fn describe(reason: LostReason) -> String {
///     match reason {
///         LostReason::Released => "the work is done".to_owned(),
///         reason => format!("another holder may have worked as well: {reason}"),
///     }
/// }
/// assert!(describe(LostReason::Expired).ends_with("its time is over"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LostReason {
    /// Its time is over by the local clock.
    #[error("its time is over")]
    Expired,
    /// The servers do not hold it any more: its keys were deleted, or a server lost its data. For a
    /// lock over several masters, so many of them do not hold it that no quorum can.
    #[error("the servers do not hold it any more")]
    Gone,
    /// Its time is over, because the limits of [`AutoExtend`](crate::AutoExtend) were reached.
    #[error("its time is over, and the limits of automatic extension were reached")]
    Capped,
    /// Its guard released it. Nothing went wrong, but the lease does not belong to this holder any
    /// more.
    #[error("it was released")]
    Released,
    /// The runtime on which it was acquired has ended, so it cannot be extended, released or watched
    /// any more.
    #[error("the runtime on which it was acquired has ended")]
    Closed,
}
