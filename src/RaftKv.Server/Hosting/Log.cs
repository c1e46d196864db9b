using Microsoft.Extensions.Logging;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Hosting;

/// <summary>What a member says to its operator.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Term {Term}: this member {Standing}")]
    public static partial void Standing(ILogger log, ulong term, string standing);

    [LoggerMessage(2, LogLevel.Warning, "The log had a torn tail, as a crash leaves it; it was cut off: {Torn}")]
    public static partial void TornTail(ILogger log, string torn);

    [LoggerMessage(3, LogLevel.Critical, "The {Stage} failed, and the member stops")]
    public static partial void Broken(ILogger log, string stage, Exception problem);

    [LoggerMessage(4, LogLevel.Warning, "Leadership could not be handed to {Successor} in time")]
    public static partial void HandOverFailed(ILogger log, string successor);

    [LoggerMessage(5, LogLevel.Error, "Member {By} says that this member was removed from the cluster")]
    public static partial void Removed(ILogger log, string by);

    [LoggerMessage(EventId = 6, Message = "{Change}")]
    public static partial void Peer(ILogger log, LogLevel level, PeerEvent change);

    [LoggerMessage(7, LogLevel.Warning, "Member {Member} has no peer URL that can be used")]
    public static partial void NoAddress(ILogger log, string member);

    [LoggerMessage(8, LogLevel.Critical, "Member {By} says that this member has run before, and it has no data")]
    public static partial void LostData(ILogger log, string by);
}
