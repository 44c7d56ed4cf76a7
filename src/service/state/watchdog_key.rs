//! A secret of this process that the watchdog's request carries, so that it passes when `limits.in_flight` is
//! reached: a busy service is not a hung one.

use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

/// `X-Uecho-Watchdog`
pub(crate) const X_UECHO_WATCHDOG: HeaderName = HeaderName::from_static("x-uecho-watchdog");

/// 128 random bits. They never leave the machine: the watchdog sends them to our own listeners only.
pub(crate) struct WatchdogKey(Option<[u8; 16]>);

impl WatchdogKey {
    /// Makes a new key. Without a random source there is no key, and no request passes.
    #[must_use]
    pub(crate) fn random() -> Self {
        let mut bits = [0; 16];
        let filled = rustls::crypto::ring::default_provider().secure_random.fill(&mut bits);
        Self(filled.is_ok().then_some(bits))
    }

    /// The value of the header that the watchdog sends.
    #[must_use]
    pub(crate) fn header(&self) -> HeaderValue {
        let bits = self.0.map_or(0, u128::from_be_bytes);
        HeaderValue::from_str(&format!("{bits:032x}")).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Whether these headers carry the key.
    #[must_use]
    pub(crate) fn opens(&self, headers: &HeaderMap) -> bool {
        match headers.get(X_UECHO_WATCHDOG) {
            Some(sent) if self.0.is_some() => sent.as_bytes().ct_eq(self.header().as_bytes()).into(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_of_this_process_opens() {
        let key = WatchdogKey::random();
        let carrying = |value: HeaderValue| HeaderMap::from_iter([(X_UECHO_WATCHDOG, value)]);
        assert!(key.opens(&carrying(key.header())));
        assert!(!key.opens(&carrying(WatchdogKey::random().header())));
        assert!(!key.opens(&carrying(HeaderValue::from_static(""))));
        assert!(!key.opens(&HeaderMap::new()));
        let none = WatchdogKey(None);
        assert!(!none.opens(&carrying(none.header())));
    }
}
