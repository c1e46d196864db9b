namespace RaftKv.Server.Gateway;

/// <summary>What a client sent is no request; the text says where, and why.</summary>
internal sealed class GatewayInputException(string message, Exception? cause = null) : Exception(message, cause);
