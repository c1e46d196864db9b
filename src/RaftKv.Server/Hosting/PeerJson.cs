using System.Text.Json.Serialization;
using RaftKv.Server.Bootstrap;

namespace RaftKv.Server.Hosting;

/// <summary>What the peer port says in JSON.</summary>
[JsonSerializable(typeof(MemberJson[]))]
[JsonSerializable(typeof(LeaseTimeJson))]
[JsonSerializable(typeof(VersionJson))]
internal sealed partial class PeerJson : JsonSerializerContext;

/// <summary>As etcd's peers tell it.</summary>
internal sealed record VersionJson(
    [property: JsonPropertyName("etcdserver")] string Server, [property: JsonPropertyName("etcdcluster")] string Cluster);
