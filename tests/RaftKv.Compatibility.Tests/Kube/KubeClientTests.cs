using System.Runtime.CompilerServices;
using RaftKv.Compatibility.Tests.Node;

namespace RaftKv.Compatibility.Tests.Kube;

/// <summary>The Kubernetes client of the npm world: client.js beside this file says what it tries.</summary>
public sealed class KubeClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task Typed_clients_watches_and_informers_work_and_outlive_the_server()
    {
        NodeClient.SkipIfMissing(Folder());
        await using var kube = await KubeProcess.StartOrSkipAsync();

        await NodeClient.RunAsync(Folder(), kube.Address.GetLeftPart(UriPartial.Authority), Patience, _ => kube.RestartAsync());
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
