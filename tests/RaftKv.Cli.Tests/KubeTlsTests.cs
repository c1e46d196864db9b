using System.Diagnostics;
using System.Net;
using RaftKv.Cli.Serve;
using RaftKv.Rpc.Client;

namespace RaftKv.Cli.Tests;

/// <summary><c>raftkv kube</c> with TLS.</summary>
public sealed class KubeTlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-kube-tls-").FullName;
    private readonly CertificateFolder _files = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_certificate_says_who_asks_and_whoever_has_none_is_nobody()
    {
        var (certificate, key) = _files.Server();
        using var program = Start(
            "--listen", "https://127.0.0.1:0", "--tls-cert-file", certificate, "--tls-private-key-file", key, "--client-ca-file", _files.AuthorityFile);
        try
        {
            var line = await program.StandardOutput.ReadLineAsync(Stop)
                ?? throw new InvalidOperationException(await program.StandardError.ReadToEndAsync(Stop));
            var url = new Uri(line[line.IndexOf("https://", StringComparison.Ordinal)..].Trim());
            using var alice = ClientOf(_files.Client("alice"));
            var who = await alice.PostAsync(
                new Uri(url, "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
                new StringContent("""{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
                Stop);
            Assert.Contains("\"username\":\"alice\"", await who.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
            using var nobody = ClientOf(null);
            using var answer = await nobody.GetAsync(new Uri(url, "/api/v1/namespaces"), Stop);
            Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden });
        }
        finally
        {
            program.Kill();
            await program.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory]
    [InlineData("An address of --listen has TLS: give --tls-cert-file and --tls-private-key-file.", "--listen", "https://127.0.0.1:0")]
    [InlineData("no address of --listen has TLS", "--listen", "http://127.0.0.1:0", "--client-ca-file", "ca.crt")]
    [InlineData("--tls-cert-file: no.crt does not exist.", "--listen", "https://127.0.0.1:0", "--tls-cert-file", "no.crt", "--tls-private-key-file", "no.key")]
    public async Task What_is_wrong_with_its_certificates_is_one_line(string says, params string[] flags)
    {
        using var program = Start(flags);
        var error = await program.StandardError.ReadToEndAsync(Stop);
        await program.WaitForExitAsync(Stop);
        Assert.Equal(1, program.ExitCode);
        Assert.Contains(says, Assert.Single(error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    private HttpClient ClientOf((string Certificate, string Key)? own) => new(new SocketsHttpHandler
    {
        SslOptions = new RpcClientTls { Authorities = [_files.Authority], Certificate = own is { } files ? _files.InMemory(files) : null }.ToOptions(),
    });

    private Process Start(params string[] flags) => Process.Start(
        new ProcessStartInfo("dotnet", [typeof(ServeCommand).Assembly.Location, "kube", "--data-dir", Path.Join(_folder, "data"), .. flags])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
}
