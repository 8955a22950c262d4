//! What came back, taken apart.

/// A response.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    /// 0 or 1, for HTTP/1.0 and HTTP/1.1.
    pub version: u8,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// A chunked body's chunks.
    pub chunks: Vec<Vec<u8>>,
}

impl Response {
    /// Takes a head apart. `None`: it is not complete.
    pub fn parse(bytes: &[u8]) -> Option<(Response, usize)> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut fields);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return None,
            Err(error) => panic!("no response ({error}): {:?}", String::from_utf8_lossy(bytes)),
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let fields = parsed.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect();
        let status = parsed.code.expect("a status");
        let version = parsed.version.expect("a version");
        Some((Response { status, version, fields, ..Response::default() }, length))
    }

    /// The only value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|field| field.0 == name);
        let value = values.next().map(|field| field.1.as_str());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the server said that this is the last response of the connection.
    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}
