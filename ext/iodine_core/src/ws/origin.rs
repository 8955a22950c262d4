//! Whether a page of this origin may open a WebSocket here (RFC 6455 §10.2): browsers let any page try, and send the
//! user's cookies along.

use http::header::{HOST, HeaderValue, ORIGIN};
use http::{HeaderMap, Uri};

/// Whose pages may open a WebSocket. Clients that are no browsers send no Origin, and are not asked for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Pages of the host that the request is for.
    Same,
    /// All pages.
    Any,
    /// Pages of these: `https://example.com`, `https://*.example.com`.
    List(Vec<String>),
}

/// Judges the Origin of a request.
pub fn is_allowed(headers: &HeaderMap, allowed: &AllowedOrigins) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::Same => is_same(origin, headers),
        AllowedOrigins::List(list) => list.iter().any(|entry| covers(entry, origin)),
    }
}

fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let Some((scheme, authority)) = split(origin) else { return false };
    let forwarded = headers.get("x-forwarded-host").and_then(first);
    let hosts = [headers.get(HOST).and_then(first), forwarded];
    hosts.into_iter().flatten().any(|host| same_authority(scheme, authority, host))
}

/// A proxy adds its own host at the end of a list.
fn first(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()?.split(',').next().map(str::trim)
}

/// A host that names no port has the one of the origin's scheme, or that of a proxy which does not say.
fn same_authority(scheme: &str, origin: &str, host: &str) -> bool {
    let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare = |authority: &str| authority.strip_suffix(default).unwrap_or(authority).to_ascii_lowercase();
    bare(origin) == bare(host)
}

/// Scheme and authority of an origin; `null` has none.
fn split(origin: &str) -> Option<(&str, &str)> {
    let (scheme, authority) = origin.split_once("://")?;
    let parsed: Uri = origin.parse().ok()?;
    (parsed.authority()?.as_str() == authority).then_some((scheme, authority))
}

fn covers(entry: &str, origin: &str) -> bool {
    let Some((scheme, domain)) = entry.split_once("://*.") else {
        return entry.trim_end_matches('/').eq_ignore_ascii_case(origin);
    };
    let Some((of, authority)) = split(origin) else { return false };
    let below = authority.len().checked_sub(domain.len() + 1).and_then(|at| authority.get(at..));
    of.eq_ignore_ascii_case(scheme)
        && below.is_some_and(|below| below.starts_with('.') && below[1..].eq_ignore_ascii_case(domain))
}
