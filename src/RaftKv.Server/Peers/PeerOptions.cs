using System.Security.Cryptography;
using RaftKv.Raft;
using RaftKv.Server.Tls;

namespace RaftKv.Server.Peers;

/// <summary>Who a member is among its peers, and the bounds of what it does there. The defaults suit one data centre.</summary>
public sealed record PeerOptions
{
    public required ulong ClusterId { get; init; }

    public required NodeId Self { get; init; }

    /// <summary>Told to the others, who may ask for it when they decide on the cluster's version.</summary>
    public string ServerVersion { get; init; } = "";

    /// <summary>Tells this process from another one that claims to be the same member.</summary>
    public ulong ProcessNonce { get; init; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>Whether this member remembers nothing: neither its log nor its state holds more than what it was founded
    /// with. Called on IO threads.</summary>
    public Func<bool> IsBlank { get; init; } = static () => false;

    /// <summary>Whether a member is known to have had more than that. If it comes back blank, it has lost what it had
    /// promised, and is sent away. Null if that cannot be told: it is sent away for now. Called on IO threads.</summary>
    public Func<NodeId, bool?> HasRun { get; init; } = static _ => false;

    /// <summary>How often each end of a connection says that it is there.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A connection from which nothing comes for this long is cut.</summary>
    /// <remarks>etcd's --raft-read-timeout.</remarks>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection that takes nothing for this long is cut, unless signs of life come from it.</summary>
    /// <remarks>etcd's --raft-write-timeout.</remarks>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From the attempt to connect to the answer of the other member; and for an incoming connection from its
    /// first moment until it has said who it is.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>After a failed attempt to connect; doubled with each further one up to <see cref="BackOffMax"/>.</summary>
    public TimeSpan BackOffMin { get; init; } = TimeSpan.FromMilliseconds(50);

    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What may wait on one stream to one peer, counting what is just being written. Beyond it messages are
    /// dropped.</summary>
    public int MaxQueuedMessages { get; init; } = 4096;

    /// <summary>As <see cref="MaxQueuedMessages"/>. One message alone may be larger.</summary>
    public long MaxQueuedBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Neither sent nor accepted beyond this. Must hold the largest request with room to spare, and be the same
    /// on all members.</summary>
    public int MaxFrameBytes { get; init; } = 128 * 1024 * 1024;

    /// <summary>Incoming connections that have not yet said who they are.</summary>
    public int MaxStrangers { get; init; } = 64;

    /// <summary>Snapshots sent at once; further ones wait.</summary>
    public int MaxSnapshotsSent { get; init; } = 2;

    /// <summary>All snapshots being sent share it. Zero: as fast as the network takes them.</summary>
    public long SnapshotBytesPerSecond { get; init; }

    /// <summary>A snapshot is given up after so many connections in a row that brought it no further.</summary>
    public int SnapshotAttempts { get; init; } = 5;

    /// <summary>How long what was received of a snapshot is kept after its connection was cut.</summary>
    public TimeSpan SnapshotResumeWindow { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>On stopping, how long what still waits may take to be sent.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(2);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>For addresses with TLS, its own and those of others; null where there are none.</summary>
    internal TlsPort? Tls { get; init; }

    /// <summary>Told how long a peer took to answer. Called on IO threads; must return at once.</summary>
    public Action<RaftKv.Raft.NodeId, TimeSpan>? RoundTripped { get; init; }

    /// <summary>Hears of what an operator would want to know. Called on IO threads; must return at once.</summary>
    public Action<PeerEvent>? Observer { get; init; }
}
