using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using KubeStore.Http;
using KubeStore.Tests.Http;

namespace KubeStore.Tests.Kubectl;

/// <summary>A server and a home for the real kubectl, if it is on this machine.</summary>
public abstract class KubectlFixture : IAsyncLifetime
{
    internal const string Deployment = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, labels: {app: web}}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
              - {name: c, image: nginx, ports: [{containerPort: 80}]}
        """;

    // What older ones say and send differs.
    private const int OldestMinor = 30;

    private static readonly Lazy<string?> Obstacle = new(FindObstacle);

    private readonly string _home = Directory.CreateTempSubdirectory("kubectl-").FullName;

    internal KubeServer Server { get; private set; } = null!;

    /// <summary>What every kubectl gets beside its own arguments.</summary>
    protected virtual IReadOnlyList<string> Always => [];

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Server = await StartServerAsync();
        Assert.SkipWhen(Obstacle.Value is not null, Obstacle.Value ?? "");
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_home, recursive: true);
        GC.SuppressFinalize(this);
    }

    internal virtual Task<KubeServer> StartServerAsync() => KubeServer.StartAsync(new KubeApiOptions());

    /// <summary>A file in kubectl's home. Returns its path.</summary>
    protected async Task<string> FileAsync(string name, string text, bool isProgram = false)
    {
        var path = Path.Combine(_home, name);
        await File.WriteAllTextAsync(path, text, Cancellation);
        if (isProgram && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    /// <summary>What kubectl says, whether it succeeds or not.</summary>
    protected async Task<string> RunAsync(params string[] arguments) => (await TryAsync(arguments)).Said;

    /// <summary>What kubectl says, and its exit code.</summary>
    protected async Task<(int Code, string Said)> TryAsync(params string[] arguments)
    {
        using var kubectl = Start(arguments);
        var output = kubectl.StandardOutput.ReadToEndAsync(Cancellation);
        var error = kubectl.StandardError.ReadToEndAsync(Cancellation);
        try
        {
            await kubectl.WaitForExitAsync(Cancellation);
            return (kubectl.ExitCode, (await output + await error).Trim());
        }
        finally
        {
            End(kubectl);
        }
    }

    /// <summary>Runs a kubectl that says more and more, and ends it when it has said what is waited for.</summary>
    /// <returns>Its lines up to that.</returns>
    protected async Task<List<string>> UntilAsync(string[] arguments, Func<List<string>, Task<bool>> isEnough)
    {
        using var kubectl = Start(arguments);
        try
        {
            var lines = new List<string>();
            while (!await isEnough(lines))
            {
                lines.Add(await kubectl.StandardOutput.ReadLineAsync(Cancellation)
                    ?? throw new InvalidOperationException($"kubectl has ended: {string.Join('\n', lines)}\n{await kubectl.StandardError.ReadToEndAsync(Cancellation)}"));
            }

            return lines;
        }
        finally
        {
            End(kubectl);
        }
    }

    private static void End(Process kubectl)
    {
        if (!kubectl.HasExited)
        {
            kubectl.Kill(entireProcessTree: true);
        }
    }

    private Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("kubectl") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["HOME"] = _home;
        start.Environment["KUBE_EDITOR"] = Path.Combine(_home, "editor");
        foreach (var argument in (IEnumerable<string>)[$"--server={Server.Address}", .. Always, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        var kubectl = Process.Start(start)!;
        kubectl.StandardInput.Close();
        return kubectl;
    }

    private static string? FindObstacle()
    {
        try
        {
            using var kubectl = Process.Start(new ProcessStartInfo("kubectl", ["version", "--client"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = kubectl.StandardOutput.ReadToEnd();
            kubectl.WaitForExit();
            return Regex.Match(said, @"v1\.([0-9]+)") is { Success: true } version && int.Parse(version.Groups[1].ValueSpan, CultureInfo.InvariantCulture) < OldestMinor
                ? $"kubectl on this machine is {version}; the tests are written for 1.32."
                : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "kubectl is not on this machine.";
        }
    }
}
