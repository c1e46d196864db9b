using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace RaftKv.Client.Calls;

/// <summary>A member as this client knows it: where it is, and whether it is any good at the moment.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without a timer holds nothing, and calls may still hold its token.")]
internal sealed class KnownMember(Uri address, ILogger log)
{
    private readonly Lock _gate = new();
    private CancellationTokenSource _left = new();
    private volatile bool _isFit = true;
    private int _waiting;
    private int _isProbed;

    public Uri Address { get; } = address;

    /// <summary>Whether calls are sent there while there is a choice.</summary>
    public bool IsFit => _isFit;

    /// <summary>Whether calls or streams are there now.</summary>
    public bool IsWaitedFor => Volatile.Read(ref _waiting) > 0;

    /// <summary>Whether what it says about the progress of a whole watch stream is so. Null: not known yet.</summary>
    public bool? BelievesProgress { get; set; }

    /// <summary>Whether it recognises a request that comes again. Null: not known yet.</summary>
    public bool? RecognisesRequests { get; set; }

    /// <summary>Fires when the member turns out to be no good: what waits for it had better ask another one. Of one that is
    /// unfit already it never does: whoever asks it nevertheless has no other one.</summary>
    public CancellationToken Left
    {
        get
        {
            lock (_gate)
            {
                return _isFit ? _left.Token : default;
            }
        }
    }

    public void BeginWait() => Interlocked.Increment(ref _waiting);

    public void EndWait() => Interlocked.Decrement(ref _waiting);

    /// <returns>False while another probe is under way.</returns>
    public bool TryBeginProbe() => Interlocked.Exchange(ref _isProbed, 1) == 0;

    public void EndProbe() => Volatile.Write(ref _isProbed, 0);

    /// <returns>Whether it was thought fit before.</returns>
    public bool Leave(string why)
    {
        CancellationTokenSource left;
        lock (_gate)
        {
            if (!_isFit)
            {
                return false;
            }

            _isFit = false;

            // Another program may be there when it comes back.
            BelievesProgress = null;
            RecognisesRequests = null;
            left = _left;
        }

        Telemetry.Left(log, Address, why);
        left.Cancel();
        return true;
    }

    /// <returns>Whether it was thought unfit before.</returns>
    public bool Return()
    {
        if (_isFit)
        {
            return false;
        }

        lock (_gate)
        {
            if (_isFit)
            {
                return false;
            }

            _left = new CancellationTokenSource();
            _isFit = true;
        }

        Telemetry.MemberReturned(log, Address);
        return true;
    }
}

/// <summary>The members, and whose turn it is.</summary>
internal sealed class Members
{
    private readonly ILogger _log;
    private volatile KnownMember[] _members;
    private int _turn;

    public Members(IEnumerable<Uri> addresses, Random chance, ILogger log)
    {
        _log = log;
        _members = [.. addresses.Distinct().Select(address => new KnownMember(address, log))];

        // Clients that are started together do not all begin with the same member.
        lock (chance)
        {
            _turn = chance.Next(_members.Length);
        }
    }

    public IReadOnlyList<KnownMember> All => _members;

    public int Count => _members.Length;

    /// <summary>Takes these for the members from now on. What is known of those that stay stays known.</summary>
    /// <returns>Those that were members and are none any more; whatever waits for one is to look elsewhere.</returns>
    public IReadOnlyList<KnownMember> Replace(IEnumerable<Uri> addresses)
    {
        var before = _members;
        _members = [.. addresses.Distinct().Select(
            address => Array.Find(before, member => member.Address == address) ?? new KnownMember(address, _log))];
        return [.. before.Except(_members)];
    }

    /// <summary>The next fit member, another one than this if possible; an unfit one only if all are.</summary>
    public KnownMember Pick(KnownMember? butNot = null)
    {
        var members = _members;
        if (members.Length == 1)
        {
            return members[0];
        }

        var turn = (uint)Interlocked.Increment(ref _turn);
        KnownMember? second = null;
        for (var i = 0u; i < members.Length; i++)
        {
            var member = members[(turn + i) % (uint)members.Length];
            if (member.IsFit && member != butNot)
            {
                return member;
            }

            if (second is null || (member.IsFit && !second.IsFit) || second == butNot)
            {
                second = member;
            }
        }

        return second!;
    }
}
