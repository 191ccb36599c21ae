//! The works, one file each.

pub(crate) mod bulk;
pub(crate) mod codecs;
pub(crate) mod growth;
pub(crate) mod iterate;
pub(crate) mod locks;
pub(crate) mod queues;
pub(crate) mod singles;
pub(crate) mod startup;
