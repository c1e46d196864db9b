using System.Net;
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

    [LoggerMessage(9, LogLevel.Warning, "A connection to the {Port} from {From} was refused: {Reason}")]
    public static partial void TlsRefused(ILogger log, string port, EndPoint? from, string reason);

    [LoggerMessage(10, LogLevel.Error, "{Problem} What was read before goes on being used")]
    public static partial void CertificatesBroken(ILogger log, string problem);

    [LoggerMessage(11, LogLevel.Information, "{Flag}: {File} has changed; new connections use it as it is now")]
    public static partial void CertificatesReplaced(ILogger log, string flag, string file);

    [LoggerMessage(12, LogLevel.Warning, "{Listen} is without TLS, and there are certificates for it: write it as https to use them")]
    public static partial void CertificatesUnused(ILogger log, ListenAddress listen);

    [LoggerMessage(13, LogLevel.Warning, "{Use}: the certificate '{Subject}' in {File} expires on {NotAfter:u}")]
    public static partial void CertificateExpires(ILogger log, string use, string subject, string file, DateTimeOffset notAfter);

    [LoggerMessage(14, LogLevel.Critical, "This member's data differs from what most members have. It serves no clients until a state of the leader has taken its place")]
    public static partial void StateDiffers(ILogger log);

    [LoggerMessage(15, LogLevel.Critical, "Members disagree about the data, and no majority has the same: nothing more is written until an operator has taken back the CORRUPT alarms")]
    public static partial void StatesUndecided(ILogger log);

    [LoggerMessage(16, LogLevel.Warning, "A state of the leader has taken the place of this member's, which was wrong. It serves clients again")]
    public static partial void StateMended(ILogger log);

    [LoggerMessage(20, LogLevel.Warning, "A call took long, most of it in one stage: {Method} took {Milliseconds} ms; slowest: {Stage} ({Stages}); status {Status}; from {Peer}")]
    public static partial void SlowCall(ILogger log, string method, double milliseconds, string stage, string stages, string status, string peer);

    [LoggerMessage(21, LogLevel.Warning, "Applying took long: {Milliseconds} ms for {Entries} entries")]
    public static partial void SlowApply(ILogger log, double milliseconds, int entries);

    [LoggerMessage(22, LogLevel.Warning, "The log level is {Level} now, as {Peer} wants it")]
    public static partial void LevelChanged(ILogger log, LogLevel level, string peer);

    [LoggerMessage(17, LogLevel.Information, "History was compacted to revision {Revision}, as {Plan} says")]
    public static partial void Compacted(ILogger log, long revision, string plan);

    [LoggerMessage(18, LogLevel.Warning, "History could not be compacted to revision {Revision}; it is tried again: {Reason}")]
    public static partial void NotCompacted(ILogger log, long revision, string reason);

    [LoggerMessage(19, LogLevel.Warning, "This member goes on alone, without {Dropped} others, as cluster {Cluster}; revisions go on after {Revision}")]
    public static partial void WentAlone(ILogger log, int dropped, string cluster, long revision);

    [LoggerMessage(23, LogLevel.Critical, "Something on the disk cannot be read: {Problem} If other members have it, this one serves no clients until a state of the leader has taken the place of its own")]
    public static partial void Unreadable(ILogger log, string problem);
}
