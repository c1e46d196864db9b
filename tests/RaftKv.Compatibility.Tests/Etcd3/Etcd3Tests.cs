using System.Runtime.CompilerServices;
using RaftKv.Compatibility.Tests.Node;
using RaftKv.Compatibility.Tests.Stores;

namespace RaftKv.Compatibility.Tests.Etcd3;

/// <summary>The client of the npm world, which shares no code with etcd's own: client.js beside this file says what it tries.</summary>
public sealed class Etcd3Tests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData(StoreKind.Etcd, 1)]
    [InlineData(StoreKind.RaftKv, 1)]
    [InlineData(StoreKind.RaftKv, 3)]
    public async Task The_whole_client_api_of_etcd3_works(StoreKind kind, int members)
    {
        NodeClient.SkipIfMissing(Folder());
        await using var store = await Target.StartOrSkipAsync(kind, members);

        await NodeClient.RunAsync(Folder(), store.Endpoints, Patience, async cancellation =>
        {
            await Task.WhenAll(store.Members.Select(member => member.KillAsync()));
            await Task.WhenAll(store.Members.Select(member => store.RestartAsync(member, cancellation)));
        });
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
