//! Classifies error replies that say that the server did not run the command.
//!
//! A script or function that has run may reply with one of these codes and words of its own.
//! Therefore the whole text counts where a command would be sent again. A redirection of a script
//! counts only with the slot of its key.

/// Returns whether the server does not know a script by its hash.
///
/// Valkey 8 and later end after the first sentence. Some compatible servers leave out the last
/// period.
pub(crate) fn is_script_unknown(words: &[u8]) -> bool {
    matches!(
        words.strip_suffix(b".").unwrap_or(words),
        b"NOSCRIPT No matching script" | b"NOSCRIPT No matching script. Please use EVAL"
    )
}

/// Returns whether the node does not serve the slot: it sees too few other nodes, or knows no
/// owner.
pub(crate) fn is_cluster_down(words: &[u8]) -> bool {
    words.starts_with(b"CLUSTERDOWN ")
}

/// Returns whether the server is a replica, or has become one.
pub(crate) fn is_readonly_reply(words: &[u8]) -> bool {
    [
        &b"READONLY You can't write against a read only replica."[..],
        b"READONLY Can not run script with write flag on readonly replica",
    ]
    .iter()
    .any(|text| words.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_error_is_not_classified_as_not_run() {
        assert!(is_script_unknown(
            b"NOSCRIPT No matching script. Please use EVAL."
        ));
        assert!(is_script_unknown(b"NOSCRIPT No matching script."));
        assert!(is_script_unknown(
            b"NOSCRIPT No matching script. Please use EVAL"
        ));
        for words in [
            &b"NOSCRIPT"[..],
            b"NOSCRIPT mine",
            b"NOSCRIPT No matching script. Please use EVAL. script: 1f, on @user_script:1.",
        ] {
            assert!(!is_script_unknown(words), "{words:?}");
        }
        assert!(is_readonly_reply(
            b"READONLY You can't write against a read only replica. script: 1f, on @user_script:1."
        ));
        assert!(!is_readonly_reply(b"READONLY mine"));
    }
}
