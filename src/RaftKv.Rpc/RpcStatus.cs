namespace RaftKv.Rpc;

/// <summary>The status codes of gRPC, with their numbers on the wire.</summary>
public enum RpcStatusCode
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>How a call ended: a code for programs and a text for people.</summary>
/// <example><code>call.Fail(new RpcStatus(RpcStatusCode.NotFound, "no such lease"));</code></example>
public readonly record struct RpcStatus(RpcStatusCode Code, string Detail)
{
    public static readonly RpcStatus Ok = new(RpcStatusCode.Ok, "");

    public bool IsOk => Code == RpcStatusCode.Ok;

    public override string ToString() => Detail is { Length: > 0 } ? $"{Code}: {Detail}" : Code.ToString();
}
