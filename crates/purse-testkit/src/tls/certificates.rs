//! A CA, and the certificates that it signs for one server.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::Error;

/// A CA, made on the spot, that signs the certificates of servers; cheap to clone.
///
/// ```
/// use purse_testkit::{Authority, Masters, Server};
///
/// let authority = Authority::generate()?;
/// let settings = Server::builder().tls_authority(&authority);
/// let masters = Masters::start_with(2, &settings)?;
/// for server in &masters {
///     let certificates = server.certificates().expect("the server has a TLS port");
///     assert_eq!(certificates.ca_pem(), authority.pem());
/// }
/// # Ok::<_, purse_testkit::Error>(())
/// ```
#[derive(Clone)]
pub struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
}

/// The certificates of a server with a TLS port, as PEM and as files; from
/// [`Server::certificates`](crate::Server::certificates).
///
/// The files are removed with the server.
///
/// ```
/// use purse_testkit::Server;
///
/// let server = Server::builder().tls_demand_client_certificate().start()?;
/// let certificates = server.certificates().expect("the server has a TLS port");
/// assert_eq!(std::fs::read_to_string(certificates.ca_file())?, certificates.ca_pem());
/// assert!(certificates.client_key_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Certificates {
    ca_pem: String,
    ca_der: CertificateDer<'static>,
    server: CertificateAndKey,
    client: CertificateAndKey,
    directory: PathBuf,
}

/// A certificate and its key.
struct CertificateAndKey {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    /// Generates a CA.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] if the system has no random numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::{Authority, Server};
    ///
    /// let authority = Authority::generate()?;
    /// let server = Server::builder().tls_authority(&authority).start()?;
    /// assert_eq!(server.certificates().expect("a TLS port").ca_pem(), authority.pem());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn generate() -> Result<Self, Error> {
        let failed = generation_error("generate a CA");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Each CA has another name: verifiers look a CA up by its name.
        let name = format!("purse-testkit CA {:016x}", fastrand::u64(..));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(&failed)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(&failed)?;
        Ok(Self {
            issuer: Arc::new(issuer),
        })
    }

    /// Returns the certificate of the CA.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn sign(
        &self,
        names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<CertificateAndKey, Error> {
        let failed = generation_error("sign a certificate");
        let subject = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names).map_err(&failed)?;
        params.distinguished_name.push(DnType::CommonName, subject);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(&failed)?;
        let signed = params.signed_by(&key, &self.issuer).map_err(&failed)?;
        Ok(CertificateAndKey {
            pem: signed.pem(),
            der: signed.der().clone(),
            key,
        })
    }
}

impl Certificates {
    /// Signs a certificate for a server of these names and one for its clients, and writes both
    /// into the directory.
    pub(crate) fn sign(
        authority: &Authority,
        names: Vec<String>,
        directory: PathBuf,
    ) -> Result<Self, Error> {
        let client = vec!["purse-testkit-client".to_owned()];
        let certificates = Self {
            ca_pem: authority.pem(),
            ca_der: authority.issuer.der().clone(),
            server: authority.sign(names, ExtendedKeyUsagePurpose::ServerAuth)?,
            client: authority.sign(client, ExtendedKeyUsagePurpose::ClientAuth)?,
            directory,
        };
        certificates
            .write()
            .map_err(Error::io("write the certificates of a server"))?;
        Ok(certificates)
    }

    /// Returns the certificate of the CA, which a client has to trust.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls().start()?;
    /// let trusted = server.certificates().expect("a TLS port").ca_pem();
    /// assert!(trusted.starts_with("-----BEGIN CERTIFICATE-----"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the certificate of the server.
    pub fn server_pem(&self) -> &str {
        &self.server.pem
    }

    /// Returns a certificate for clients.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls_demand_client_certificate().start()?;
    /// let certificates = server.certificates().expect("a TLS port");
    /// let identity = (certificates.client_pem(), certificates.client_key_pem());
    /// assert!(identity.0.starts_with("-----BEGIN CERTIFICATE-----"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn client_pem(&self) -> &str {
        &self.client.pem
    }

    /// Returns the private key of the certificate for clients, as PKCS #8.
    pub fn client_key_pem(&self) -> String {
        self.client.key.serialize_pem()
    }

    /// Returns the file with the certificate of the CA.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// // For programs that read their certificates from files.
    /// let server = Server::builder().tls().start()?;
    /// let certificates = server.certificates().expect("a TLS port");
    /// assert_eq!(std::fs::read_to_string(certificates.ca_file())?, certificates.ca_pem());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Returns the file with the certificate for clients.
    pub fn client_file(&self) -> PathBuf {
        self.directory.join("client.pem")
    }

    /// Returns the file with the private key of the certificate for clients.
    pub fn client_key_file(&self) -> PathBuf {
        self.directory.join("client.key")
    }

    /// Returns the directory with the files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn ca_der(&self) -> CertificateDer<'static> {
        self.ca_der.clone()
    }

    pub(crate) fn server_der(&self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = PrivatePkcs8KeyDer::from(self.server.key.serialize_der());
        (self.server.der.clone(), key.into())
    }

    fn write(&self) -> std::io::Result<()> {
        fs::create_dir(&self.directory)?;
        fs::write(self.ca_file(), &self.ca_pem)?;
        fs::write(self.client_file(), &self.client.pem)?;
        fs::write(self.client_key_file(), self.client_key_pem())
    }
}

fn generation_error(action: &'static str) -> impl Fn(rcgen::Error) -> Error {
    move |error| Error::Tls {
        action,
        reason: error.to_string(),
    }
}

/// Leaves out the key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// Leaves out the keys.
impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
