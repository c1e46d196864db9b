namespace RaftKv.Rpc.Tls;

/// <summary>A file of certificates cannot be used. The message names the file, and what is wrong with it.</summary>
public sealed class CertificateFileException(string message, Exception? cause = null) : Exception(message, cause);
