//! After the app returned: does it want the connection upgraded, and may it?

use std::sync::Once;

use http::header::{HeaderValue, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, StatusCode};
use iodine_core::handoff::{Payload, Reply, ResponseHead};
use iodine_core::realtime::{Opening, Protocol, Upgrade};
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::value::ReprValue;
use magnus::{Error, Integer, RArray, RHash, Ruby, Symbol, Value};
use rb_sys::VALUE;

use super::connection::Connection;
use crate::keys::keys;
use crate::rack::{Context, Left};

/// As the env and `client.protocol` name it.
pub(crate) fn name(ruby: &Ruby, protocol: Protocol) -> Symbol {
    ruby.to_symbol(match protocol {
        Protocol::WebSocket => "websocket",
        Protocol::Sse => "sse",
    })
}

/// The event stream for which the app itself has written `:sse` into the env, though the client asks for nothing (as apps
/// on Rage do; upgrade-api row 3). A WebSocket needs the client's handshake.
pub(crate) fn written(ruby: &Ruby, cx: &Context, left: Left) -> Option<Box<Upgrade>> {
    let written = Symbol::from_value(left.upgrade())?;
    let sse = written.as_raw() == name(ruby, Protocol::Sse).as_raw();
    cx.realtime.get().filter(|_| sse).map(Upgrade::to_event_stream)
}

/// The handler that the app has left in the env.
pub(crate) struct Wish {
    handler: Value,
    /// Under `upgrade.websocket`: the article's API.
    mixin: bool,
    /// The app has set that key as well, which counts for nothing.
    both: bool,
}

static TOLD_OF_BOTH: Once = Once::new();

/// What the app wants: `None` for an ordinary response, also where its status refuses the upgrade.
pub(crate) fn wish(env: Value, upgrade: &Upgrade, response: Value) -> Option<Wish> {
    let env = RHash::from_value(env)?;
    let handler = |key: VALUE| {
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(key) };
        env.get(key).filter(|handler: &Value| handler.to_bool())
    };
    let older = || handler(keys().websocket).or_else(|| handler(keys().iodine_websocket));
    // The newer API wins where both keys are set. An event stream has no other.
    let wish = match handler(keys().rack_upgrade) {
        Some(handler) => Wish { handler, mixin: false, both: older().is_some() },
        None if upgrade.protocol() == Some(Protocol::Sse) => return None,
        None => Wish { handler: older()?, mixin: true, both: false },
    };
    accepts(response).then_some(wish)
}

/// A status below 300 agrees, whatever it is: 0, -1, 101, 200. One of no response at all (1000) says nothing.
fn accepts(response: Value) -> bool {
    let status = RArray::from_value(response).and_then(|array| array.entry::<Value>(0).ok());
    let number = status.and_then(Integer::from_value).and_then(|status| status.to_i64().ok());
    number.is_none_or(|number| !(300..600).contains(&number))
}

/// Makes the connection, and the reply that opens it. A reply that refuses opens none.
///
/// # Errors
/// What the handler's class raised, or an `IodineRs::AppError`: the client gets a 500.
pub(crate) fn accept(
    ruby: &Ruby,
    cx: &Context,
    upgrade: &Upgrade,
    wish: &Wish,
    env: Value,
    headers: HeaderMap,
) -> Result<Reply, Error> {
    let Some(client) = upgrade.client() else {
        // RFC 6455 §4.4.
        let version = (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(refusal(StatusCode::UPGRADE_REQUIRED, HeaderMap::from_iter([version])));
    };
    if !upgrade.is_origin_allowed() {
        cx.log("WebSocket refused with 403: its Origin is not in allowed_origins (see that option; `any` takes all)");
        return Ok(refusal(StatusCode::FORBIDDEN, HeaderMap::new()));
    }
    if wish.both {
        TOLD_OF_BOTH.call_once(|| cx.log("the app has set rack.upgrade and upgrade.websocket: the first counts"));
    }
    let opening = Opening::new(client.clone());
    Connection::establish(ruby, client, env, wish.handler, wish.mixin)?;
    Ok(Reply::Upgrade(upgrade.head(headers), opening))
}

/// What belonged to the request alone leaves the env, which lives as long as the connection now: with the room that Ruby
/// left for more it would be half of what an idle connection costs.
pub(crate) fn slim(env: Value) {
    let Some(env) = RHash::from_value(env) else { return };
    let keys = keys();
    for key in keys.of_request() {
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(key) };
        // A frozen env stays as it is.
        let _ = env.delete::<_, Value>(key);
    }
    // Refused while a callback on another thread iterates: then it stays large.
    let _ = env.funcall::<_, _, Value>("rehash", ());
}

fn refusal(status: StatusCode, headers: HeaderMap) -> Reply {
    Reply::Full(ResponseHead { status, headers }, Payload::default())
}
