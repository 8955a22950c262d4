//! `IodineRs::TLSAcceptor`: certificates and rules that connections of a listener are accepted by; `IodineRs::TLSEngine`:
//! one connection that Ruby reads and writes itself.

use std::cell::RefCell;
use std::sync::Arc;

use iodine_core::net::tls::{self, Acceptor, ClientVerification, Engine, TlsError, TlsSettings};
use magnus::{Error, Module, Object, RHash, RModule, RString, Ruby, TypedData, function, method, typed_data::Obj};

use crate::settings::Reader;
use crate::{classes, pins, raised};

#[derive(TypedData)]
#[magnus(class = "IodineRs::TLSAcceptor", free_immediately)]
pub(crate) struct TlsAcceptor(Arc<Acceptor>);

impl magnus::DataTypeFunctions for TlsAcceptor {}

pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<TlsAcceptor>(ruby, module, "TLSAcceptor")?;
    class.define_singleton_method("new", function!(TlsAcceptor::new, 1))?;
    class.define_singleton_method("self_signed", function!(self_signed, 1))?;
    class.define_method("reload", method!(TlsAcceptor::reload, 1))?;
    class.define_method("open", method!(TlsAcceptor::open, 0))?;
    TlsEngine::init(ruby, module)
}

impl TlsAcceptor {
    /// `TLSAcceptor.new(settings)`: a complete Hash of PEM texts and rules.
    fn new(ruby: &Ruby, settings: RHash) -> Result<TlsAcceptor, Error> {
        let settings = read(&Reader::new(ruby, settings))?;
        Acceptor::new(&settings).map(|acceptor| TlsAcceptor(Arc::new(acceptor))).map_err(|error| refused(ruby, &error))
    }

    /// `reload(settings)`: handshakes that begin from now on follow these; where they cannot be used nothing changes.
    fn reload(ruby: &Ruby, this: Obj<Self>, settings: RHash) -> Result<(), Error> {
        let settings = read(&Reader::new(ruby, settings))?;
        this.0.reload(&settings).map_err(|error| refused(ruby, &error))
    }

    /// `open`: the engine of a new connection.
    fn open(ruby: &Ruby, this: Obj<Self>) -> Result<TlsEngine, Error> {
        Engine::new(&this.0).map(|engine| TlsEngine(RefCell::new(engine))).map_err(|error| refused(ruby, &error))
    }

    pub(crate) fn acceptor(&self) -> Arc<Acceptor> {
        self.0.clone()
    }
}

/// `TLSAcceptor.self_signed(names)`: a certificate and its key, both PEM.
fn self_signed(ruby: &Ruby, names: Vec<String>) -> Result<(String, String), Error> {
    let made = tls::self_signed(names).map_err(|error| refused(ruby, &error))?;
    Ok((made.certificate, made.key))
}

fn read(reader: &Reader<'_>) -> Result<TlsSettings, Error> {
    // Bytes: a file may hold anything.
    let bytes = |key| reader.get::<RString>(key).map(|text| pins::copy(text).to_vec());
    Ok(TlsSettings {
        certificates: bytes("certificate")?,
        key: bytes("key")?,
        clients: match reader.get::<String>("verify_mode")?.as_str() {
            "peer" => ClientVerification::Optional(bytes("authorities")?),
            "force_peer" => ClientVerification::Required(bytes("authorities")?),
            _ => ClientVerification::None,
        },
        ciphersuites: reader.get("ciphersuites")?,
        resumption: reader.get("resumption")?,
    })
}

fn refused(ruby: &Ruby, error: &TlsError) -> Error {
    raised::config_error(ruby, &error.to_string())
}

/// `IodineRs::TLSEngine`: the server's side of one connection. Ruby's threads call it one at a time: nothing in it gives
/// the GVL away.
#[derive(TypedData)]
#[magnus(class = "IodineRs::TLSEngine", free_immediately)]
struct TlsEngine(RefCell<Engine>);

impl magnus::DataTypeFunctions for TlsEngine {}

impl TlsEngine {
    fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
        let class = classes::define::<TlsEngine>(ruby, module, "TLSEngine")?;
        class.define_method("receive", method!(TlsEngine::receive, 1))?;
        class.define_method("finish", method!(TlsEngine::finish, 1))?;
        class.define_method("outgoing", method!(TlsEngine::outgoing, 0))
    }

    /// `receive(bytes)`: what the client's bytes say.
    fn receive(ruby: &Ruby, this: Obj<Self>, bytes: RString) -> Result<RString, Error> {
        let received = this.0.borrow_mut().receive(&pins::copy(bytes));
        match received {
            Ok(text) => Ok(ruby.str_from_slice(&text)),
            Err(error) => Err(raised::error(ruby.exception_io_error(), &error.to_string())),
        }
    }

    /// `finish(text)`: encrypts the last words and a goodbye.
    fn finish(this: Obj<Self>, text: RString) {
        this.0.borrow_mut().finish(&pins::copy(text));
    }

    /// `outgoing`: what has to be sent to the client.
    fn outgoing(ruby: &Ruby, this: Obj<Self>) -> RString {
        ruby.str_from_slice(&this.0.borrow_mut().outgoing())
    }
}
