//! Headers of every response: pages, assets, errors.

use super::RequestId;
use super::hosts::Hosts;
use app::shell::{POLICY, policy};
use axum::response::Response;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything a page could ask a browser for, refused.
const NO_PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

/// Sets what is missing. Only a page may bring a policy of its own: the same one with its nonce.
pub fn set(response: &mut Response, hosts: &Hosts, id: &RequestId) {
    let headers = response.headers_mut();
    let mut page_policy = headers.remove(POLICY).and_then(|value| value.to_str().ok().map(str::to_owned)).unwrap_or_else(|| policy(None));
    if hosts.is_https() {
        page_policy.push_str("; upgrade-insecure-requests");
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if let Ok(value) = HeaderValue::from_str(&page_policy) {
        headers.insert(POLICY, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(COOP, HeaderValue::from_static("same-origin"));
    headers.insert(CORP, HeaderValue::from_static("same-origin"));
    headers.insert(PERMISSIONS, HeaderValue::from_static(NO_PERMISSIONS));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
}
