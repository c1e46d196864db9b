using System.Net;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Kube;

/// <summary><c>raftkv kube</c> as a process of its own, that can be killed and started again where it was.</summary>
internal sealed class KubeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly StoreMember _process;
    private readonly HttpClient _http = new();
    private readonly DirectoryInfo _folder;

    private KubeProcess(DirectoryInfo folder, StoreProgram program, string? endpoints)
    {
        _folder = folder;
        var place = new LocalGround(folder.FullName).Place("kube");
        Address = place.Client;
        _process = new(
            place,
            [program.Path, "kube", "--listen", Address.GetLeftPart(UriPartial.Authority), .. (string[])(endpoints is null ? ["--data-dir", "data"] : ["--endpoints", endpoints])]);
    }

    public Uri Address { get; }

    /// <param name="endpoints">The cluster it keeps its objects in; null for a member in its process.</param>
    public static async Task<KubeProcess> StartOrSkipAsync(string? endpoints = null)
    {
        var program = StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, $"raftkv is not built; 'dotnet build src/RaftKv.Cli' does, or {StoreProgram.RaftKvVariable} says where it is.");
        var kube = new KubeProcess(Directory.CreateTempSubdirectory("raftkv-kube-"), program!, endpoints);
        try
        {
            kube._process.Start();
            await kube.UntilReadyAsync();
            return kube;
        }
        catch
        {
            await kube.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills it without a word of warning, and starts it again.</summary>
    public async Task RestartAsync()
    {
        await _process.KillAsync();
        _process.Start();
        await UntilReadyAsync();
    }

    public ValueTask DisposeAsync()
    {
        _process.Dispose();
        _http.Dispose();
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task UntilReadyAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri(Address, "/readyz"), patience.Token);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                Assert.True(_process.IsRunning, _process.Log);
            }

            await Task.Delay(20, patience.Token);
        }
    }
}
